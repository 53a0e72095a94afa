"""The course of tests/system, its shop written down so that `chaos` finds it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_labkit.domain.model import Lab
from pytest_labkit.host.settings import Settings
from pytest_labkit.services.base import Endpoint
from pytest_labkit.systems import under_test
from pytest_labkit.systems.under_test import UnderTest
from tests.system.conftest import _settings, endpoints, lab

__all__ = ["_settings", "endpoints", "lab"]


@pytest.fixture
def shop(lab: Lab, settings: Settings, endpoints: dict[str, Endpoint], tmp_path: Path) -> Iterator[UnderTest]:
    """The four services and their links, as the fixture `system` has them."""
    with under_test.started(lab, endpoints.values(), settings, tmp_path / "system") as made:
        yield made
