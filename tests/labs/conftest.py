"""Trials of the labs in processes of their own, two at a time, each with services of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from pytest_labkit.cli.check_labs import warm
from pytest_labkit.cli.check_labs.plan import Trial
from pytest_labkit.cli.check_labs.trials import Result, carry_out
from tests.conftest import IN_A_WORKER

ROOT = Path(__file__).parents[2]
AT_ONCE = 2
DEADLINE_S = 600


class Trials:
    """Trials of labs: each begins at once or when its turn comes, and is waited for later."""

    def __init__(
        self,
        env: dict[str, str],
        folder: Path,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._env = env
        self._folder = folder
        self._pool = pool
        self._results: dict[tuple[str, str], Callable[[], Result]] = {}

    def through(self, door: str) -> Trials:
        """The same, with trials of its own, through *door*."""
        return Trials({**self._env, "LABKIT_DOOR": door}, self._folder / door, self._pool)

    def start(self, trial: Trial) -> None:
        """
        Carry out *trial*, unless that has begun.

        In a worker of pytest-xdist, which has half of the tests and does not know which, it waits until
        it is asked for.
        """
        if _key(trial) in self._results:
            return
        began = cache(partial(carry_out, trial, ROOT, self._place_of(trial), partial(_run, self._env)))
        self._results[_key(trial)] = began if IN_A_WORKER else self._pool.submit(began).result

    def complaints(self, trial: Trial) -> tuple[str, ...]:
        """What is wrong with *trial*, when it has ended."""
        return self._results[_key(trial)]().complaints

    def verdicts(self, trial: Trial) -> dict[str, str]:
        """Criterion -> its verdict in *trial*, when it has ended."""
        return {criterion["id"]: criterion["verdict"] for criterion in self._criteria(trial)}

    def durations(self, trial: Trial) -> dict[str, float]:
        """Criterion -> how many seconds its tests took in *trial*, when it has ended."""
        return {criterion["id"]: criterion["duration_s"] for criterion in self._criteria(trial)}

    def _criteria(self, trial: Trial) -> list[dict[str, Any]]:
        self._results[_key(trial)]()
        written = self._place_of(trial) / trial.lab.id / "report.json"
        report = json.loads(written.read_text("utf-8"))
        return [*report["criteria"], *report["challenges"]]

    def _place_of(self, trial: Trial) -> Path:
        return self._folder / "-".join(_key(trial))


def _key(trial: Trial) -> tuple[str, str]:
    return trial.lab.id, trial.name


def _run(env: dict[str, str], arguments: Sequence[str], output: Path) -> int:
    return warm.run([*arguments], folder=ROOT, env=env, output=output, deadline_s=DEADLINE_S)


@pytest.fixture(scope="session")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    """Trials; what is not waited for is not run."""
    folder = tmp_path_factory.mktemp("labs")
    warm.preload(["confluent_kafka.admin", "fastavro", "freezegun", "hypothesis", "pydantic"])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # Many short runs: the bytecode is kept between them, whatever this process does with its own.
        ours = {"PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
        theirs = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        theirs.pop("PYTHONDONTWRITEBYTECODE", None)
        theirs.setdefault("LABKIT_BACKEND", "local")  # each starts services of its own: quickly
        try:
            yield Trials({**theirs, **ours}, folder / "trials", pool)
        finally:
            pool.shutdown(cancel_futures=True)


def selected(request: pytest.FixtureRequest, *parameters: str) -> list[tuple[Any, ...]]:
    """The values of *parameters* in those tests of this module, and of the run, that have just these."""
    here = (item for item in request.session.items if item.path == request.path)
    found = (getattr(item, "callspec", None) for item in here)
    given = [spec.params for spec in found if spec is not None and set(parameters) == set(spec.params)]
    return [tuple(values[name] for name in parameters) for values in given]
