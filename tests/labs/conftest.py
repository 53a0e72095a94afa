"""Runs of a lab in processes of their own, two at a time, on a DynamoDB that is up for all of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from pytest_labkit import settings
from pytest_labkit.services import Services
from tests.conftest import IN_A_WORKER
from tests.labs import warm

ROOT = Path(__file__).parents[2]
AT_ONCE = 2
DEADLINE_S = 300


@dataclass(frozen=True)
class Run:
    """How a run of the lab ended: exit status, verdict by criterion, what it printed."""

    status: int
    verdicts: dict[str, str]
    output: str


class Lab3:
    """Lab 3, to be run on answers: a run is started at once or when its turn comes, and waited for later."""

    def __init__(self, env: dict[str, str], reports: Path, pool: ThreadPoolExecutor) -> None:
        self._env = env
        self._reports = reports
        self._pool = pool
        self._runs: dict[Path, Callable[[], Run]] = {}

    def start(self, answers: Path, criteria: Iterable[str], *options: str, test: str = "") -> None:
        """
        Run *criteria*, or one *test* of theirs, on *answers*, and where a file is missing on the model's.

        In a worker of pytest-xdist, which has half of the tests and does not know which, the run waits
        until it is asked for.
        """
        run = partial(self._run, answers, list(criteria), options, test)
        self._runs[answers] = run if IN_A_WORKER else self._pool.submit(run).result

    def run_of(self, answers: Path) -> Run:
        """The run on *answers*, when it has ended."""
        return self._runs[answers]()

    def _run(self, answers: Path, criteria: list[str], options: tuple[str, ...], test: str) -> Run:
        reports = self._reports / answers.name
        reports.mkdir(parents=True)
        arguments = [f"labs/lab3/{test}", "--lab-answers", str(answers), "--lab-answers", "solutions"]
        arguments += [f"--lab-criterion={criterion}" for criterion in criteria]
        arguments += [f"--lab-report={reports}", "-q", "-p", "no:cacheprovider", *options]
        output = reports.with_suffix(".txt")
        status = warm.run(arguments, folder=ROOT, env=self._env, output=output, deadline_s=DEADLINE_S)
        report = reports / "lab3" / "report.json"
        found = json.loads(report.read_text("utf-8"))["criteria"] if report.is_file() else []
        return Run(status, {c["id"]: c["verdict"] for c in found}, output.read_text("utf-8", "replace"))


@pytest.fixture(scope="session")
def lab3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab3]:
    """Lab 3 on a DynamoDB that is up for the session; what is not waited for is not run."""
    folder = tmp_path_factory.mktemp("lab3")
    with Services(settings.resolve(folder)) as services, ThreadPoolExecutor(AT_ONCE) as pool:
        endpoint = services.endpoint("dynamodb")
        # Many short runs: the bytecode is kept between them, whatever this process does with its own.
        ours = {**endpoint.env, "LABKIT_BACKEND": "external", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
        theirs = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        theirs.pop("PYTHONDONTWRITEBYTECODE", None)
        try:
            yield Lab3({**theirs, **ours}, folder / "reports", pool)
        finally:
            pool.shutdown(cancel_futures=True)


def selected(request: pytest.FixtureRequest, parameter: str) -> list[Path]:
    """The values of *parameter* in those tests of the run that have one, in their order."""
    found = (getattr(item, "callspec", None) for item in request.session.items)
    return [spec.params[parameter] for spec in found if spec is not None and parameter in spec.params]
