"""Don't change this file: how the checks of part B carry out an experiment, and what they watch meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from labs.lab4.checks.shopping import STEADY, Shop
from pytest_labkit import expect
from pytest_labkit.chaos import Experiment, Journal, read
from pytest_labkit.host import http
from pytest_labkit.systems import plan

PLAN = plan.of(Path(__file__).parents[1] / plan.FILE)
"""The shop, as the lab's `system.toml` says."""

SERVICES = PLAN.names
GIVEN = "service_failure"
"""The experiment that is not the student's to write."""

LATE_S = 1.0
"""From here on an answer is late."""

_RUN_S, _SEEN_S, _TIMEOUT_S, _EVERY_S = 32.0, 15.0, 1.5, 0.02


@dataclass(frozen=True)
class Sample:
    """Payment at a moment: whether its process is there, whether it is stopped, and its memory limited."""

    runs: bool
    stopped: bool = False
    limited: bool = False


class Watch:
    """Looks at payment, and at the way from order to it, until it is closed."""

    def __init__(self, system: Any) -> None:
        self._system = system
        self._ended = threading.Event()
        self.samples: list[Sample] = []
        self.direct_s: list[float] = []
        self.way_s: list[float] = []
        payment = int(system.urls["payment"].rpartition(":")[2])
        self._threads = [
            threading.Thread(target=self._repeat, args=(work,))
            for work in (
                self._sample,
                lambda: self.direct_s.append(_ping_s(payment)),
                lambda: self.way_s.append(_ping_s(system.ways["order-payment"])),
            )
        ]
        for thread in self._threads:
            thread.start()

    @property
    def was_dead(self) -> bool:
        """Whether payment's process was gone."""
        return any(not sample.runs for sample in self.samples)

    @property
    def was_starved(self) -> bool:
        """Whether its process was stopped for most of a second."""
        stopped = [sample.stopped for sample in self.samples]
        return any(sum(stopped[at : at + 40]) >= 30 for at in range(max(0, len(stopped) - 40)))

    @property
    def was_short_of_memory(self) -> bool:
        """Whether the memory it can have was limited; where the system cannot do that, it is let pass."""
        return not psutil.LINUX or any(sample.limited for sample in self.samples)

    @property
    def way_was_late(self) -> bool:
        """Whether an answer over the way from order took a second and more, or did not come."""
        return any(seconds >= LATE_S for seconds in self.way_s)

    @property
    def payment_was_late(self) -> bool:
        """Whether payment itself took a second and more, or did not answer, at several tries."""
        return sum(seconds >= LATE_S for seconds in self.direct_s) > 1

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self._ended.wait(_EVERY_S):
            work()

    def _sample(self) -> None:
        self._system.catch_up()
        try:
            process = psutil.Process(self._system.member("payment").pid)
            stopped = process.status() == psutil.STATUS_STOPPED
            limited = psutil.LINUX and process.rlimit(psutil.RLIMIT_AS)[0] != psutil.RLIM_INFINITY
        except psutil.NoSuchProcess:
            stopped = limited = False
        self.samples.append(Sample(self._system.runs("payment"), stopped, limited))


def _ping_s(port: int) -> float:
    """How long payment took to answer at *port*; the time limit if it did not."""
    began = time.monotonic()
    answered = http.get(f"http://127.0.0.1:{port}/ping", _TIMEOUT_S) is not None
    return time.monotonic() - began if answered else _TIMEOUT_S


@contextmanager
def watching(shop: Shop) -> Iterator[Watch]:
    """Watch payment inside."""
    watch = Watch(shop.system)
    try:
        yield watch
    finally:
        watch.close()


def begun(answers: Any, name: str) -> Experiment:
    """Your experiment *name*, which can be run; `NotImplementedError` while nothing is written in it."""
    relative = f"experiments/{name}.yaml"
    path = Path(__file__).parents[1] / relative if name == GIVEN else answers.path(relative)
    experiment = read(path, PLAN.names, PLAN.ways, PLAN.probes)
    if not experiment.content.get("method"):
        raise answers.unwritten(relative, f"TODO: {relative} has no method yet")
    return experiment


def stood(shop: Shop, answers: Any, name: str) -> tuple[Watch, Journal]:
    """The shop of many customers stands your experiment *name*, which breaks nothing if there are few."""
    experiment = begun(answers, name)
    asks_for_a_rate(shop, experiment)
    with shop.customers(), watching(shop) as watch:
        return watch, carried_out(shop, experiment)


def is_undone(shop: Shop, answers: Any, name: str, seen: Callable[[Watch], bool]) -> None:
    """Your experiment *name*, interrupted when its fault is *seen*, leaves nothing of it."""
    experiment = begun(answers, name)
    with shop.customers(), watching(shop) as watch:
        journal = interrupted(shop, experiment, seen, watch)
    is_taken_back(shop, journal)


def carried_out(shop: Shop, experiment: Experiment, name: str = "run") -> Journal:
    """What `chaos` writes of a run of *experiment* to its end."""
    running = experiment.start(shop.system.file, shop.folder / name)
    try:
        return running.wait(_RUN_S)
    finally:
        running.end()


def interrupted(shop: Shop, experiment: Experiment, seen: Callable[[Watch], bool], watch: Watch) -> Journal:
    """What it writes if Ctrl-C is pressed as soon as the fault is *seen*."""
    running = experiment.start(shop.system.file, shop.folder / "interrupted")
    try:
        there = running.until(lambda: seen(watch), _SEEN_S)
        expect(there, expected="the fault to be there for a moment", got="it was not seen")
        running.interrupt()
        return running.wait(_RUN_S)
    finally:
        running.end()


def accepts(shop: Shop, journal: Journal) -> None:
    """A probe of the method has seen the breaker open, and the steady state was there before and after."""
    looks = journal.outputs("breaker_state")
    expect(
        "OPEN" in looks,
        expected="a probe of the method to find the breaker OPEN while the fault is there",
        got=f"the probes of breaker_state gave {looks}"
        if looks
        else "no probe of breaker_state in the method",
        perhaps="wait for it: arguments: {service: order, wanted: OPEN, within: 10}",
    )
    expect(
        journal.status == "completed" and not journal.deviated,
        expected="the experiment to be completed, with the steady state before the method and after it",
        got=f"chaos says {'deviated' if journal.deviated else journal.status}{_unmet(journal)}",
        perhaps="the method ends the fault, and waits with a probe until the breaker is closed again",
    )


def _unmet(journal: Journal) -> str:
    """Which probe of the hypothesis was outside of its tolerance."""
    for when, state in (("before", journal.before), ("after", journal.after)):
        for probe in state.get("probes", ()):
            if probe.get("tolerance_met") is False:
                return f": {when} the method {probe['activity']['name']!r} gave {probe.get('output')!r}"
    return ""


def asks_for_a_rate(shop: Shop, experiment: Experiment) -> None:
    """With few customers, who order less than that, there is no steady state, so nothing is broken."""
    for attempt in ("few-customers", "few-customers-again"):
        with shop.few_customers():
            journal = carried_out(shop, experiment, attempt)
        if journal.before.get("steady_state_met") is False and not journal.runs:
            return
        # Perhaps the shop had stood still for a second, and what had waited was charged in the next.
    expect(
        False,
        expected="an experiment on a shop with few customers to end at its hypothesis, before the method",
        got=f"{len(journal.runs)} steps of the method were run",
        perhaps=f"the hypothesis asks for {STEADY} charges a second: processing_rate, with a tolerance",
    )


def is_taken_back(shop: Shop, journal: Journal) -> None:
    """By its rollbacks, and by nothing else."""
    expect(
        journal.status == "interrupted" and bool(journal.rollbacks),
        expected="rollbacks to run when the experiment is interrupted",
        got=f"chaos says {journal.status}, and {len(journal.rollbacks)} rollbacks were run",
    )
    shop.system.catch_up()
    dead = [name for name in SERVICES if not shop.system.runs(name)]
    left = [*journal.left, *(f"{name} is dead" for name in dead)]
    expect(
        not left,
        expected="rollbacks to take back all that the method has begun",
        got=f"after them this was left: {', '.join(left)}",
    )
