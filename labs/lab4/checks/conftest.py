"""Don't change this file: what the checks of lab 4 share. The kit's copy is used anyway."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from labs.lab4.checks.checking import Call, Guarded, outcome
from labs.lab4.checks.page import Shown
from labs.lab4.checks.shopping import Shop
from labs.lab4.checks.till import Till
from labs.lab4.checks.watching import Metrics
from pytest_labkit.dashboard.child import Page


@pytest.fixture
def guard(answers: Any) -> Callable[..., Guarded]:
    """
    Makes a breaker, with a service behind it: `guard(3, 30, clock=clock)`.

    Inside `answers.frozen`: a student's file that takes hold of a clock when it is loaded has a stopped one.
    """

    def made(*args: Any, clock: Any = None, **kwargs: Any) -> Guarded:
        breaker = answers.circuit_breaker.CircuitBreaker(*args, **kwargs)
        return Guarded(breaker, answers.beside("callers"), clock)

    return made


@pytest.fixture
def calling() -> Iterator[Callable[..., Call]]:
    """Begins a call on a thread of its own: `calling(guarded.breaker)`; all are let go when the test ends."""
    calls: list[Call] = []

    def begun(breaker: Any, gate: threading.Barrier | None = None, *, fails: bool = False) -> Call:
        calls.append(Call(breaker, gate, fails=fails))
        return calls[-1]

    yield begun
    for call in calls:
        call.let_go()


@pytest.fixture
def held_up(answers: Any, seed: int) -> Callable[[], AbstractContextManager[None]]:
    """`with held_up():` threads that are started meanwhile are held up at random places of the answers."""

    @contextmanager
    def interleaved() -> Iterator[None]:
        interleaving = answers.beside("interleaving")
        interleaving.begin(seed)
        try:
            yield
        finally:
            interleaving.end()

    return interleaved


@pytest.fixture
def till() -> Iterator[Till]:
    """Where payment would be."""
    made = Till()
    yield made
    made.close()


@pytest.fixture
def client_is_written(answers: Any) -> None:
    """
    A stub says that it is one, and what cannot be loaded does too, before a system is started for it.

    Payment is well meanwhile: a client that tries again for long would do so before each test.
    """
    with closing(Till()) as well:
        client = answers.payment_client.PaymentClient(well.url)
        outcome(lambda: client.charge([]))


@pytest.fixture
def shop(client_is_written: None, kafka: Any, redis: Any, system: Any, tmp_path: Path) -> Iterator[Shop]:
    """The four services, run with the student's client."""
    made = Shop(system, redis.address, tmp_path)
    yield made
    made.close()


@pytest.fixture
def watched(answers: Any, guard: Callable[..., Guarded]) -> Iterator[Callable[..., tuple[Guarded, Metrics]]]:
    """Makes a breaker that `monitoring.watch` watches: `watched("payment", 3, 30, clock=clock)`."""
    scraping = answers.beside("scraping")
    scraping.remember()

    def made(name: str, *args: Any, clock: Any = None) -> tuple[Guarded, Metrics]:
        guarded = guard(*args, clock=clock)
        answers.monitoring.watch(guarded.breaker, name)
        return guarded, Metrics(scraping, name)

    yield made
    scraping.forget()


@pytest.fixture
def watch_is_written(answers: Any) -> None:
    """The same of monitoring.py."""
    scraping = answers.beside("scraping")
    scraping.remember()
    try:
        watch = answers.monitoring.watch
        outcome(lambda: watch(None, "nobody"))
    finally:
        scraping.forget()


@pytest.fixture
def page(shop: Shop) -> Iterator[Shown]:
    """The page /health, about the shop."""
    with Page(shop.system.file) as served:
        yield Shown(served)
