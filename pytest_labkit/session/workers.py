"""Runs with pytest-xdist: what a worker is told, and what it tells at its end. A plugin of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pytest

from pytest_labkit.domain.model import ServiceInfo
from pytest_labkit.host.settings import Settings
from pytest_labkit.runs.lab_run import LabRun
from pytest_labkit.session.collection import Collection

_KEY = "labkit"


def is_worker(config: pytest.Config) -> bool:
    """Whether this process runs tests for a controller."""
    return hasattr(config, "workerinput")


def told(config: pytest.Config) -> dict[str, str]:
    """The options that the controller has given this worker; none if this is no worker."""
    return dict(getattr(config, "workerinput", {}).get(_KEY, {}))


def tell(config: pytest.Config, runs: Iterable[LabRun]) -> None:
    """Tell the controller which services this worker used, and which tests it has left out."""
    vars(config)["workeroutput"][_KEY] = {
        run.name: {
            "services": {name: asdict(info) for name, info in run.services.items()},
            "left_out": run.left_out,
        }
        for run in runs
    }


class Workers:
    """The controller's side."""

    def __init__(self, settings: Settings, collection: Collection) -> None:
        self._settings = settings
        self._collection = collection

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give a worker the seed of this run."""
        node.workerinput[_KEY] = {"seed": str(self._settings.seed)}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Learn from a worker which services it used, and which tests it has left out."""
        for name, told in getattr(node, "workeroutput", {}).get(_KEY, {}).items():
            run = self._collection.run(self._settings.root / name)
            run.using({service: ServiceInfo(**info) for service, info in told["services"].items()})
            for criterion, test in told["left_out"]:
                run.leave_out(criterion, test)
