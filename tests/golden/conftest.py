"""A DynamoDB and a Redis that are up for all transcripts, and a course for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_labkit.host import settings
from pytest_labkit.services import Services
from tests.golden.course import Course


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where the services are, and a place for bytecode that all runs share."""
    folder = tmp_path_factory.mktemp("golden")
    with Services(settings.resolve(folder)) as services:
        found = services.start(["dynamodb", "redis"])
        ours = {name: value for endpoint in found.values() for name, value in endpoint.env.items()}
        yield {**ours, "LABKIT_BACKEND": "external", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


@pytest.fixture
def course(tmp_path: Path, environment: dict[str, str]) -> Course:
    """A checkout with untouched stubs."""
    return Course(tmp_path / "course", environment)
