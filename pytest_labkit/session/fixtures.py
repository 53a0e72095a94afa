"""The fixtures that a lab's tests get. Thin: what they are is said where their classes are."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_labkit.answers.door import Answers
from pytest_labkit.checks.measure import Measure
from pytest_labkit.domain.model import Axis, Chronicle, Cloud, Drawing, Join, Mark, Scatter, Span
from pytest_labkit.domain.seeds import derive
from pytest_labkit.services.catalogue import NAMES
from pytest_labkit.session.lab_session import LabSession, session_of

if TYPE_CHECKING:
    from pytest_labkit.faults.faults import Faults
    from pytest_labkit.faults.process import ProxyProcess
    from pytest_labkit.session.dynamodb import DynamoDBSandbox
    from pytest_labkit.systems.under_test import UnderTest


@pytest.fixture
def labkit_session(request: pytest.FixtureRequest) -> LabSession:
    """The lab run that this test is part of."""
    return session_of(request.config)


@pytest.fixture
def labkit_environ() -> Iterator[MutableMapping[str, str]]:
    """The environment, as it was when the test ends."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield _Environ(monkeypatch)


@pytest.fixture
def answers(request: pytest.FixtureRequest, labkit_session: LabSession) -> Iterator[Answers]:
    """The door to the student's code: `answers.event_store.EventStore()`."""
    door = labkit_session.open_door(request.node)
    yield door
    labkit_session.close_door(request.node)


@pytest.fixture(scope="session")
def labkit_relay() -> Iterator[ProxyProcess]:
    """The process that links lead through; started by the first of them."""
    from pytest_labkit.faults.process import ProxyProcess

    relay = ProxyProcess()
    yield relay
    relay.close()


@pytest.fixture
def labkit_turn(request: pytest.FixtureRequest, labkit_session: LabSession) -> Iterator[None]:
    """A turn with services that others use too: a test that may break them has them alone."""
    if not labkit_session.plan.services.are_shared:
        yield
        return
    from pytest_labkit.services.turns import turn

    with turn(labkit_session.settings.root, alone="faults" in request.fixturenames):
        yield


@pytest.fixture
def dynamodb(
    labkit_session: LabSession,
    labkit_turn: None,  # noqa: ARG001 - it is had while this is
    labkit_environ: MutableMapping[str, str],
) -> Iterator[DynamoDBSandbox]:
    """A DynamoDB of this test's own, which a plain boto3 finds."""
    import boto3

    from pytest_labkit.services.aws import new_session
    from pytest_labkit.session.dynamodb import DynamoDBSandbox

    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        labkit_environ.pop(name, None)
    with pytest.MonkeyPatch.context() as monkeypatch, labkit_session.plan.own("dynamodb") as endpoint:
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", new_session())  # the last test's has its credentials
        sandbox = DynamoDBSandbox(endpoint, labkit_environ)
        yield sandbox
        sandbox.close()


@pytest.fixture
def faults(
    request: pytest.FixtureRequest,
    labkit_session: LabSession,
    labkit_environ: MutableMapping[str, str],
    labkit_relay: ProxyProcess,
    seed: int,
) -> Iterator[Faults]:
    """Everything that can be broken here: the services that the test asks for, and the ways to them."""
    from pytest_labkit.faults.faults import Faults

    used = [name for name in NAMES if name in request.fixturenames]
    for name in used:
        request.getfixturevalue(name)  # first: it sets the environment to lead past the links
    made = Faults(labkit_session.plan.services, used, labkit_environ, labkit_relay, seed)
    yield made
    made.close()


@pytest.fixture
def system(request: pytest.FixtureRequest, labkit_session: LabSession, tmp_path: Path) -> Iterator[UnderTest]:
    """
    The programs of the lab's `system.toml`, run for this test with the student's answers in them.

    They use the services that the plan names: a test asks for those fixtures as well, so that they are up
    by then. What is broken is mended, and the programs stopped, when the test ends.
    """
    from pytest_labkit.systems import under_test

    lab = labkit_session.lab_of(request.node)
    endpoints = [request.getfixturevalue(name) for name in under_test.services_of(lab)]
    with under_test.started(lab, endpoints, labkit_session.settings, tmp_path / "system") as made:
        yield made


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Undo what faults a test has left before it is judged: a service that it killed is no broken service."""
    try:
        return (yield)
    finally:
        left: Faults | None = getattr(item, "funcargs", {}).get("faults")
        if left is not None:
            left.undo()


@pytest.fixture
def seed(request: pytest.FixtureRequest, labkit_session: LabSession) -> int:
    """A number of this test's own that follows from the run's seed, whichever other tests run."""
    return derive(labkit_session.settings.seed, request.node.nodeid)


@pytest.fixture
def rng(seed: int) -> random.Random:
    """Chance that `--lab-seed` repeats."""
    return random.Random(seed)  # noqa: S311 - to be repeated, not to be secret


@pytest.fixture
def measure(request: pytest.FixtureRequest, labkit_session: LabSession) -> Measure:
    """Rates and other figures, judged by the targets of the test's criterion."""

    def benchmark() -> Any:
        has_plugin = request.config.pluginmanager.hasplugin("benchmark")
        return request.getfixturevalue("benchmark") if has_plugin else None

    made = Measure(
        labkit_session.criterion_of(request.node),
        strict=labkit_session.settings.strict,
        benchmark=benchmark,
    )
    labkit_session.keep_measurements(request.node, made.measurements)
    return made


@pytest.fixture
def chronicle(request: pytest.FixtureRequest, labkit_session: LabSession) -> Callable[..., None]:
    """Shows what the test saw, by the calendar, whatever the verdict: `chronicle(title, spans)`."""

    def show(title: str, spans: Iterable[Span]) -> None:
        labkit_session.show(request.node, Chronicle(title, tuple(spans)))

    return show


@pytest.fixture
def drawing(request: pytest.FixtureRequest, labkit_session: LabSession) -> Callable[..., None]:
    """Shows what the test saw, as marks on lanes: `drawing(title, along, marks, joins)`."""

    def show(title: str, along: str, marks: Iterable[Mark], joins: Iterable[Join] = ()) -> None:
        labkit_session.show(request.node, Drawing(title, along, tuple(marks), tuple(joins)))

    return show


@pytest.fixture
def scatter(request: pytest.FixtureRequest, labkit_session: LabSession) -> Callable[..., None]:
    """
    Draws two figures of several things against each other, whatever the verdict.

    `scatter(title, (name, unit), (name, unit), {thing: (xs, ys)})`, with a value of both for each round.
    """

    def show(
        title: str,
        x: tuple[str, str],
        y: tuple[str, str],
        clouds: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    ) -> None:
        made = tuple(Cloud(name, tuple(xs), tuple(ys)) for name, (xs, ys) in clouds.items())
        labkit_session.show(request.node, Scatter(title, Axis(*x), Axis(*y), made))

    return show


class _Environ(MutableMapping[str, str]):
    """`os.environ` through monkeypatch, so that every change is undone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __setitem__(self, name: str, value: str) -> None:
        self._monkeypatch.setenv(name, value)

    def __delitem__(self, name: str) -> None:
        self._monkeypatch.delenv(name)

    def __getitem__(self, name: str) -> str:
        return os.environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)
