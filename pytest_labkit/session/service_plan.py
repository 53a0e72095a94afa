"""Which services the tests of a run want, when each is started, and where it is then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from pytest_labkit.course.sources import untouched
from pytest_labkit.domain.errors import LabkitError, UsageProblem
from pytest_labkit.domain.model import ServiceInfo
from pytest_labkit.host.settings import Settings
from pytest_labkit.services.catalogue import BACKGROUND, NAMES
from pytest_labkit.session.collection import Collection, criterion_of

if TYPE_CHECKING:
    from pytest_labkit.services import Endpoint, Services


class ServicePlan:
    """
    The services of a run: started side by side before its first test, those that take long in the background.

    A start that failed is not tried again: every test that asks is told.
    """

    def __init__(self, settings: Settings, collection: Collection, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._collection = collection
        self._say = say
        self._failed: LabkitError | None = None
        self._needed: set[str] = set()  # by what is more than a stub, and does not start in the background
        self._stubs: dict[tuple[str, str], NotImplementedError | None] = {}

    @cached_property
    def services(self) -> Services:
        """The services; nothing is imported or started before they are asked for."""
        from pytest_labkit.services import Services

        return Services(self._settings, self._say)

    def start(self, items: Iterable[pytest.Item]) -> dict[str, ServiceInfo]:
        """Start what *items* will use, but for what takes long; a failure is kept for the tests."""
        self._needed = {name for item in items for name in self._used_by(item)}.difference(BACKGROUND)
        brokers = max((run.lab.brokers for run in self._collection.runs), default=1)
        try:
            started = self.services.start(sorted(self._needed), brokers=brokers) if self._needed else {}
        except UsageProblem as problem:
            raise pytest.UsageError(str(problem)) from None
        except LabkitError as error:
            self._failed, started = error, self.services.started()  # the others serve
            for run in self._collection.runs:
                run.problems += [str(failure) for failure in self.services.failures.values()] or [str(error)]
        return {name: _info(endpoint) for name, endpoint in sorted(started.items())}

    def begin_late(self, items: Iterable[pytest.Item]) -> None:
        """Start in the background what takes long, if one of *items* will use it."""
        late = {name for item in items for name in self._late(item)}
        if late:
            self.services.begin(sorted(late))

    def await_for(self, item: pytest.Item) -> None:
        """Wait for those that start in the background: that is no part of the time that a test may take."""
        for name in self._late(item):
            run = self._collection.run_of(item)
            try:
                run.using({name: _info(self.endpoint(name))})
            except LabkitError as error:  # the test is told when it asks
                run.problems.append(str(error))
        if item.get_closest_marker("timed") is not None and "services" in vars(self):
            self.services.settle()  # a start would take a core from what is timed

    def endpoint(self, name: str) -> Endpoint:
        """Where the service *name* is; raises what its start raised."""
        if self._failed is not None and name not in BACKGROUND and name not in self.services.started():
            raise self.services.failures.get(name, self._failed)
        return self.services.endpoint(name)

    @contextmanager
    def own(self, name: str) -> Iterator[Endpoint]:
        """The service *name* for one test, which has a server of its own where that starts in no time."""
        self.endpoint(name)
        with self.services.own(name) as endpoint:
            yield endpoint

    def broken(self, item: pytest.Item) -> str | None:
        """A service of *item* that does not work now, if there is one."""
        return next((name for name in _wanted_by(item) if not self.services.healthy(name)), None)

    def stub(self, item: pytest.Item) -> NotImplementedError | None:
        """What *item* would find, if it finds only a stub and wants a service that nobody has started."""
        return None if self._needed.issuperset(_wanted_by(item)) else self._untouched(item)

    def _untouched(self, item: pytest.Item) -> NotImplementedError | None:
        """What the place that the criterion of *item* names would raise, if it is a stub still."""
        criterion = criterion_of(item)
        if criterion is None:
            return None
        run = self._collection.run_of(item)
        key = (run.name, criterion.id)
        if key not in self._stubs:
            self._stubs[key] = untouched(run.staged, criterion)
        return self._stubs[key]

    def _used_by(self, item: pytest.Item) -> list[str]:
        """The services that *item* will use: none if it is no test of a lab, or finds only a stub."""
        return [] if criterion_of(item) is None or self._untouched(item) else _wanted_by(item)

    def _late(self, item: pytest.Item) -> Iterator[str]:
        """Those that take long to start, and that *item* will use."""
        return (name for name in self._used_by(item) if name in BACKGROUND)

    def close(self) -> list[str]:
        """Stop what was started; the names of it."""
        return self.services.close() if "services" in vars(self) else []


def _wanted_by(item: pytest.Item) -> list[str]:
    return [name for name in NAMES if name in getattr(item, "fixturenames", ())]


def _info(endpoint: Endpoint) -> ServiceInfo:
    return ServiceInfo(endpoint.version, endpoint.backend, endpoint.ready_s)
