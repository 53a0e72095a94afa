"""What a system's processes are started from: a file for the links, one for each program, and ports."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pytest_labkit import __version__
from pytest_labkit.course import submission
from pytest_labkit.domain.model import Lab
from pytest_labkit.host.settings import Settings
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.local.recipes import Program, Recipe
from pytest_labkit.systems import health
from pytest_labkit.systems.plan import Plan

LINKS = "links"
"""The name of the process that the links lead through; its log is `links.log`."""

PLAN = "plan.json"
"""The file, in the folder of a system, that says what it consists of."""

_DEADLINE_S = 60.0
_HINT = "What a program said before it ended stands above; where it is yours, correct it and start again."


def recipe(lab: Lab, plan: Plan, endpoints: Iterable[Endpoint], settings: Settings) -> Recipe:
    """How the system of *lab* is started: the links first, then the programs in the order of *plan*."""
    root = lab.folder.parents[len(lab.package.split(".")) - 1]
    given = {endpoint.service: endpoint for endpoint in endpoints}
    known = {name: _server(endpoint) for name, endpoint in given.items()}
    database = _database(given["redis"]) if "redis" in given else 0

    def prepare(folder: Path, ports: list[int], _options: Sequence[str]) -> tuple[list[Program], Endpoint]:
        control, own, ways = ports[0], ports[1 : 1 + len(plan.names)], ports[1 + len(plan.names) :]
        targets = known | {name: ("127.0.0.1", port) for name, port in zip(plan.names, own, strict=True)}
        links = dict(zip(plan.links(), ways, strict=True))
        lines = [_line(way, port, targets[way[1]]) for way, port in links.items()]
        (folder / "answers").mkdir()
        staged = submission.stage(lab, settings.answers, folder / "answers")
        alerts = str(staged.folder / plan.alerts) if plan.alerts else None
        (folder / PLAN).write_text(plan.model_dump_json(indent=1), encoding="utf-8")
        board = _written(folder / f"{LINKS}.json", {"port": control, "lines": lines, "alerts": alerts})
        programs = [_program("pytest_labkit.faults.daemon", board, control)]
        for name, port in zip(plan.names, own, strict=True):
            told = {
                "package": lab.package,
                "root": str(root),
                "folders": [str(path) for path in dict.fromkeys((staged.folder, lab.folder))],
                "module": f"{plan.package}.{name}",
                "name": name,
                "port": port,
                "calls": {way[1]: ("127.0.0.1", at) for way, at in links.items() if way[0] == name},
                "database": database,
            }
            file = _written(folder / f"{name}.json", told)
            programs.append(_program("pytest_labkit.systems.program", file, port))
        return programs, _endpoint(lab, dict(zip(plan.names, own, strict=True)), control)

    ports = 1 + len(plan.names) + len(list(plan.links()))
    return Recipe(ports, prepare, health.probe, "every program healthy", _DEADLINE_S, hint=_HINT)


def alerts(folder: Path) -> Path | None:
    """The file of alert rules of the system in *folder*; `None` if it has none."""
    told = json.loads((folder / f"{LINKS}.json").read_text("utf-8")).get("alerts")
    return Path(told) if told and Path(told).is_file() else None


def ways(folder: Path) -> dict[str, int]:
    """The links of the system in *folder*, `order-payment`, and the port that each begins at."""
    told = json.loads((folder / f"{LINKS}.json").read_text("utf-8"))
    return {line["group"]: line["at"] for line in told["lines"]}


def _server(endpoint: Endpoint) -> tuple[str, int]:
    """Host and port that a link to a service leads to; of a cluster the first broker: it names the others."""
    address = endpoint.address.split(",")[0]
    place = urlsplit(address if "://" in address else f"//{address}")
    return place.hostname or "127.0.0.1", place.port or 0


def _database(redis: Endpoint) -> int:
    """The number of the database that the address of *redis* leads to."""
    return int(urlsplit(redis.address).path.strip("/") or 0)


def _line(way: tuple[str, str], port: int, target: tuple[str, int]) -> dict[str, Any]:
    caller, callee = way
    host, at = target
    group = {"group": f"{caller}-{callee}", "key": callee, "kafka": callee == "kafka"}
    return {**group, "host": host, "port": at, "at": port}


def _program(module: str, file: Path, port: int) -> Program:
    return Program([sys.executable, "-P", "-m", module, str(file)], port, f"{file.stem}.log")


def _written(file: Path, content: dict[str, Any]) -> Path:
    file.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return file


def _endpoint(lab: Lab, ports: dict[str, int], control: int) -> Endpoint:
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    env = {f"{name.upper()}_URL": url for name, url in urls.items()}
    return Endpoint(lab.id, "local", __version__, f"127.0.0.1:{control}", env)
