"""What a system's processes are started from: a file for the links, one for each program, and ports."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pytest_labkit import __version__
from pytest_labkit.course import submission
from pytest_labkit.course.submission import Staged
from pytest_labkit.domain.model import Lab
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import redis
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.catalogue import SERVICES
from pytest_labkit.services.recipes import ProcessRecipe, Program
from pytest_labkit.systems import health
from pytest_labkit.systems.plan import Plan

LINKS = "links"
"""The name of the process that the links lead through; its log is `links.log`."""

PLAN = "plan.json"
"""The file, in the folder of a system, that says what it consists of."""

_DEADLINE_S = 60.0
_HINT = "What a program said before it ended stands above; where it is yours, correct it and start again."


def recipe(lab: Lab, plan: Plan, endpoints: Iterable[Endpoint], settings: Settings) -> ProcessRecipe:
    """How the system of *lab* is started: the links first, then the programs in the order of *plan*."""
    given = {endpoint.service: endpoint for endpoint in endpoints}

    def prepare(folder: Path, ports: list[int], _options: Sequence[str]) -> tuple[list[Program], Endpoint]:
        control, own, ways = ports[0], ports[1 : 1 + len(plan.names)], ports[1 + len(plan.names) :]
        places = dict(zip(plan.names, own, strict=True))
        links = dict(zip(plan.links(), ways, strict=True))
        (folder / "answers").mkdir()
        staged = submission.stage(lab, settings.answers, folder / "answers")
        (folder / PLAN).write_text(plan.model_dump_json(indent=1), encoding="utf-8")
        programs = [_links(folder, plan, staged, control, _lines(links, places, given))]
        for name, port in places.items():
            told = _told(lab, staged, given) | {"name": name, "module": f"{plan.package}.{name}"}
            calls = {way[1]: ("127.0.0.1", at) for way, at in links.items() if way[0] == name}
            file = _written(folder / f"{name}.json", {**told, "port": port, "calls": calls})
            programs.append(_program("pytest_labkit.systems.program", file, port))
        return programs, _endpoint(lab, places, control)

    ports = 1 + len(plan.names) + len(list(plan.links()))
    return ProcessRecipe(
        ports, prepare, health.probe, "every program healthy", deadline_s=_DEADLINE_S, hint=_HINT
    )


def _links(folder: Path, plan: Plan, staged: Staged, control: int, lines: list[dict[str, Any]]) -> Program:
    """The process that the links lead through, which has the alert rules too."""
    alerts = str(staged.folder / plan.alerts) if plan.alerts else None
    file = _written(folder / f"{LINKS}.json", {"port": control, "lines": lines, "alerts": alerts})
    return _program("pytest_labkit.faults.daemon", file, control)


def _told(lab: Lab, staged: Staged, given: Mapping[str, Endpoint]) -> dict[str, Any]:
    """What all programs of *lab* are told."""
    return {
        "package": lab.package,
        "root": str(lab.folder.parents[len(lab.package.split(".")) - 1]),
        "folders": [str(path) for path in dict.fromkeys((staged.folder, lab.folder))],
        "database": redis.database(given[redis.SERVICE.name]) if redis.SERVICE.name in given else 0,
    }


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


def _lines(
    links: Mapping[tuple[str, str], int], places: Mapping[str, int], given: Mapping[str, Endpoint]
) -> list[dict[str, Any]]:
    """Each of *links*, caller and callee, with the port that it begins at and the place that it leads to."""
    targets = {name: _server(endpoint) for name, endpoint in given.items()}
    targets |= {name: ("127.0.0.1", port) for name, port in places.items()}
    return [_line(way, port, targets[way[1]]) for way, port in links.items()]


def _line(way: tuple[str, str], port: int, target: tuple[str, int]) -> dict[str, Any]:
    caller, callee = way
    host, at = target
    kafka = callee in SERVICES and SERVICES[callee].cluster is not None
    group = {"group": f"{caller}-{callee}", "key": callee, "kafka": kafka}
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
