"""Which tests are about which lab's criteria, and the run that each lab has: a plugin of its own."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import pytest

from pytest_labkit.course import manifest
from pytest_labkit.course.submission import Staged, stage
from pytest_labkit.course.testfiles import is_beside
from pytest_labkit.domain.errors import KitError, UsageProblem
from pytest_labkit.domain.model import Criterion, Lab
from pytest_labkit.host.scratch import Scratch
from pytest_labkit.host.settings import Settings
from pytest_labkit.runs.ending import EXIT_BROKEN
from pytest_labkit.runs.lab_run import LabRun, check_wanted

_criterion = pytest.StashKey[Criterion]()
_folder = pytest.StashKey[Path]()
_place = pytest.StashKey[int]()


def criterion_of(item: pytest.Item) -> Criterion | None:
    """The criterion that *item* checks, `None` if it is no test of a lab."""
    return item.stash.get(_criterion, None)


def place_of(item: pytest.Item) -> int:
    """The place of *item* among all tests by the order of their files, whatever order they run in."""
    return item.stash[_place]


class Collection:
    """The labs whose tests this pytest run has collected."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runs: dict[Path, LabRun] = {}

    @property
    def runs(self) -> list[LabRun]:
        """A run for each lab."""
        return list(self._runs.values())

    def run_of(self, item: pytest.Item) -> LabRun:
        """The run that *item* is part of; `KitError` if it is no test of a lab."""
        if (folder := item.stash.get(_folder, None)) is None:
            raise KitError(
                f"{item.nodeid} asks for what only a test of a lab has.",
                "It has to lie below a lab.toml, and name its criterion: @pytest.mark.criterion('A1').",
            )
        return self.run(folder)

    def run(self, folder: Path) -> LabRun:
        """The run of the lab in *folder*; its answers are brought together when it is asked for first."""
        if folder not in self._runs:
            lab = manifest.read(folder, self._settings.root)
            self._runs[folder] = LabRun(self._settings, self._stage(lab))
        return self._runs[folder]

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leave out files with nothing of the criteria asked for: to import them can take a second."""
        wanted = self._settings.criteria
        return (bool(wanted) and is_beside(collection_path, self._settings.root, wanted)) or None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Find the tests of labs, and leave out those of criteria that were not asked for."""
        wanted = self._settings.criteria
        try:
            for place, item in enumerate(items):
                item.stash[_place] = place
                self._adopt(item)
            check_wanted(wanted, self.runs)
        except UsageProblem as problem:
            raise pytest.UsageError(str(problem)) from None
        except (KitError, OSError) as error:
            pytest.exit(f"The answers cannot be brought together: {error}", EXIT_BROKEN)
        if wanted:
            out = [i for i in items if (found := criterion_of(i)) and found.id not in wanted]
            config.hook.pytest_deselected(items=out)
            items[:] = [item for item in items if item not in out]

    def pytest_unconfigure(self) -> None:
        """Leave nothing of the answers that were brought together."""
        if "_staging" in vars(self):
            self._staging.close()

    def _adopt(self, item: pytest.Item) -> None:
        folder = manifest.folder_above(item.path, self._settings.root)
        marker = item.get_closest_marker("criterion")
        if folder is None or marker is None:
            return
        run = self.run(folder)
        id_ = str(marker.args[0]) if marker.args else ""
        try:
            item.stash[_criterion] = run.lab.criterion(id_)
        except KeyError:
            raise pytest.UsageError(f"{item.nodeid}: {run.lab.id} has no criterion {id_!r}.") from None
        item.stash[_folder] = folder
        run.collected.add(item.nodeid)
        # A warning from a student's code is no failure, whatever the project makes of its own.
        if item.config.pluginmanager.hasplugin("warnings"):
            item.add_marker(pytest.mark.filterwarnings("ignore"))

    @cached_property
    def _staging(self) -> Scratch:
        return Scratch("answers")

    def _stage(self, lab: Lab) -> Staged:
        into = self._staging.path / lab.folder.name
        into.mkdir()
        return stage(lab, self._settings.answers, into)
