"""
Submissions that cheat, and runs of them: the small lab in `lab/`, on a Kafka that is kept, or lab 3.

A run of lab 3 has a DynamoDB of its own: one that cheats may end without taking its tables away.
"""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_labkit.cli.check_labs import warm
from pytest_labkit.course import manifest
from pytest_labkit.course.mutants import mutants
from pytest_labkit.host import settings
from pytest_labkit.services import Services
from tests.conftest import IN_A_WORKER
from tests.labs.conftest import selected

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DOORS = ("process", "direct")
AT_ONCE = 2
DEADLINE_S = 300

collect_ignore = ["lab", "model", *(path.parent.name for path in HERE.glob("*/attack.toml"))]


@dataclass(frozen=True)
class Expected:
    """
    What a submission comes to in one door.

    *verdicts* are those of the criteria that ran; `None` where no report is written. *says* is part of
    what its student reads of the first criterion that is not passed, or of what was printed.
    """

    exit: int
    verdicts: dict[str, str] | None = None
    status: str | None = None
    says: str | None = None
    promised: bool = True


@dataclass(frozen=True)
class Attack:
    """
    A submission, as its `attack.toml` describes it.

    *lab* is `lab3` or `trade`; the files are in *folder*, unless it is a *mutant* of the lab; *options* and
    *environ* are what it is run with.
    """

    folder: Path
    case: str
    tries: str
    lab: str
    criteria: tuple[str, ...]
    expected: Mapping[str, Expected]
    options: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    mutant: str | None = None

    @classmethod
    def read(cls, folder: Path) -> Attack:
        """The attack in *folder*."""
        told = tomllib.loads((folder / "attack.toml").read_text("utf-8"))
        return cls(
            folder=folder,
            case=told["case"],
            tries=told["tries"],
            lab=told.get("lab", "trade"),
            criteria=tuple(told["criteria"]),
            expected={door: Expected(**told[door]) for door in DOORS if door in told},
            options=tuple(told.get("options", ())),
            environ=told.get("environ", {}),
            ignored=tuple(told.get("ignored", ())),
            mutant=told.get("mutant"),
        )


HONEST = Attack(
    folder=HERE / "model",
    case="",
    tries="does what it is asked to",
    lab="trade",
    criteria=(),
    expected=dict.fromkeys(
        DOORS, Expected(0, {"A1": "passed", "A2": "passed", "A3": "passed", "A4": "passed"}, "complete")
    ),
)
ATTACKS = [Attack.read(path.parent) for path in sorted(HERE.glob("*/attack.toml"))]


@dataclass(frozen=True)
class Run:
    """How a run ended: its exit code, its report if it wrote one, and what it printed."""

    exit: int
    report: dict[str, Any] | None
    output: str

    @property
    def verdicts(self) -> dict[str, str] | None:
        """The verdicts of the criteria that were selected."""
        if self.report is None:
            return None
        return {c["id"]: c["verdict"] for c in self.report["criteria"] if not _left_out(c)}

    @property
    def says(self) -> str:
        """What is told of the first criterion that ran and was not passed."""
        for criterion in self.report["criteria"] if self.report else ():
            if criterion["verdict"] != "passed" and not _left_out(criterion):
                message = criterion["message"]
                return " | ".join(str(message[part]) for part in ("checked", "expected", "got", "perhaps"))
        return self.output


def _left_out(criterion: dict[str, Any]) -> bool:
    return bool(criterion["verdict"] == "unknown" and criterion["message"]["got"] == "not selected")


class Labs:
    """Runs of submissions, two at a time, through either door."""

    def __init__(self, folder: Path, env: Mapping[str, str], pool: ThreadPoolExecutor) -> None:
        self._folder = folder
        self._env = env
        self._pool = pool
        self._runs: dict[tuple[Path, str], Callable[[], Run]] = {}
        self._trade = folder / "project"
        shutil.copytree(HERE / "lab", self._trade / "labs" / "trade")
        (self._trade / "labs" / "__init__.py").touch()
        (self._trade / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")

    def start(self, attack: Attack, door: str) -> None:
        """Run *attack* through *door*, now or in a worker of pytest-xdist when it is asked for."""
        run = partial(self._run, attack, door)
        self._runs[attack.folder, door] = run if IN_A_WORKER else self._pool.submit(run).result

    def run_of(self, attack: Attack, door: str) -> Run:
        """The run of *attack* through *door*, when it has ended."""
        return self._runs[attack.folder, door]()

    def _answers_of(self, attack: Attack, door: str) -> Path:
        """Where the files of *attack* are; a mutant's are written first."""
        if attack.mutant is None:
            return attack.folder
        written = self._folder / "mutants" / door / attack.mutant
        lab = manifest.read(ROOT / "labs" / attack.lab, ROOT)
        (mutant,) = (one for one in mutants(lab, ROOT / "solutions") if one.id == attack.mutant)
        for path, text in mutant.files(lab).items():
            (written / path).parent.mkdir(parents=True, exist_ok=True)
            (written / path).write_text(text, "utf-8")
        return written

    def _run(self, attack: Attack, door: str) -> Run:
        reports = self._folder / "reports" / door / attack.folder.name
        reports.mkdir(parents=True)
        of_lab3 = attack.lab == "lab3"
        models = ROOT / "solutions" if of_lab3 else HERE / "model"
        arguments = [f"labs/{attack.lab}", f"--lab-door={door}", f"--lab-report={reports}"]
        arguments += ["--lab-answers", str(self._answers_of(attack, door)), "--lab-answers", str(models)]
        arguments += [f"--lab-criterion={criterion}" for criterion in attack.criteria]
        output = reports.with_suffix(".txt")
        status = warm.run(
            [*arguments, "-p", "no:cacheprovider", *attack.options],
            folder=ROOT if of_lab3 else self._trade,
            env={**self._env, "LABKIT_BACKEND": "local" if of_lab3 else "external", **attack.environ},
            output=output,
            deadline_s=DEADLINE_S,
        )
        written = reports / attack.lab / "report.json"
        report = json.loads(written.read_text("utf-8")) if written.is_file() else None
        return Run(status, report, output.read_text("utf-8", "replace"))


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Labs]:
    """Both labs, with a run of each selected attack on its way, and the services for them."""
    folder = tmp_path_factory.mktemp("attacks")
    warm.preload(["confluent_kafka.admin", "fastavro", "pydantic"])
    with Services(settings.resolve(folder)) as services, ThreadPoolExecutor(AT_ONCE) as pool:
        ours = services.endpoint("kafka").env
        theirs = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        theirs.pop("PYTHONDONTWRITEBYTECODE", None)
        made = Labs(folder, {**theirs, **ours}, pool)
        for attack, door in selected(request, "attack", "door"):
            made.start(attack, door)
        try:
            yield made
        finally:
            pool.shutdown(cancel_futures=True)
