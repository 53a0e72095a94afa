"""A checkout of its own for every test; the cache of downloads is the user's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_labkit import services, settings

pytest.register_assert_rewrite("service_contract")


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> Iterator[settings.Settings]:
    """Settings of an empty checkout; whatever was kept for it is taken down afterwards."""
    made = settings.resolve(tmp_path)
    yield made
    services.down(made)


@pytest.fixture(scope="session")
def dynamodb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real DynamoDB Local; each test takes an access key of its own."""
    made = settings.resolve(tmp_path_factory.mktemp("checkout"))
    with services.Services(made) as running:
        yield running.endpoint("dynamodb").address
