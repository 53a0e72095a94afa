"""A system for one test: started for it, written down so that other processes find it, mended and stopped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pytest_labkit.domain.model import Lab
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import local
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.registry import Registry
from pytest_labkit.systems import kept
from pytest_labkit.systems.plan import read
from pytest_labkit.systems.running import System, start


class UnderTest(System):
    """A system that other processes, such as `chaos`, may change as well: it is found in *written*."""

    def __init__(self, running: local.Local, seed: int, written: Registry) -> None:
        super().__init__(running, seed)
        self.written = written
        kept.write_down(self, written)

    @property
    def file(self) -> Path:
        """Where it is written down."""
        return self.written.file

    def catch_up(self) -> None:
        """Take over what other processes have started in the place of what had ended."""
        kept.catch_up(self, self.written)

    def start(self, name: str) -> None:
        """Start the program *name* again, if it has ended; it is not waited for."""
        self.member(name).start()
        kept.write_down(self, self.written)

    def mend(self, within_s: float = 20.0) -> None:
        """As ever, for the processes that there are now; they are written down."""
        self.catch_up()
        super().mend(within_s)
        kept.write_down(self, self.written)


def services_of(lab: Lab) -> tuple[str, ...]:
    """The names of the services that the programs of *lab* need. Raises `UsageProblem` as `plan.read`."""
    return read(lab).services


@contextmanager
def started(
    lab: Lab,
    endpoints: Iterable[Endpoint],
    settings: Settings,
    folder: Path,
    answers: tuple[Path, ...] | None = None,
) -> Iterator[UnderTest]:
    """
    The system of *lab* on the services at *endpoints*, stopped in the end; it is written down in *folder*.

    It runs what *answers*, folders, have in the place of the run's own. Raises as `start`.
    """
    chosen = settings if answers is None else replace(settings, answers=answers)
    first = start(lab, read(lab), endpoints, chosen)
    made = UnderTest(first.running, settings.seed, Registry(folder / "system.json"))
    try:
        yield made
    finally:
        made.release()
        made.catch_up()
        made.running.stop()  # at once: nothing of it is to be used again
