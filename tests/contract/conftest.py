"""A checkout of its own for every test; the cache of downloads is the user's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_labkit import services
from pytest_labkit.host import settings
from pytest_labkit.services import docker
from pytest_labkit.services.docker import daemon

if TYPE_CHECKING:
    from docker import DockerClient

pytest.register_assert_rewrite("service_contract", "fault_contract")


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> Iterator[settings.Settings]:
    """Settings of an empty checkout; whatever was kept for it is taken down afterwards."""
    made = settings.resolve(tmp_path)
    yield made
    services.down(made)


@pytest.fixture(scope="session")
def dynamodb_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.Services]:
    """Services of this machine, of which each test may have a DynamoDB."""
    made = settings.resolve(tmp_path_factory.mktemp("checkout"), options={"backend": "local"})
    with services.Services(made) as running:
        yield running


@pytest.fixture
def dynamodb_url(dynamodb_services: services.Services) -> Iterator[str]:
    """The address of a real DynamoDB that is the test's own."""
    with dynamodb_services.own("dynamodb") as endpoint:
        yield endpoint.address


@pytest.fixture(scope="session")
def docker_usable() -> None:
    """Skip where Docker cannot be used, saying why; fail where it has to be tested (`LABKIT_TEST_DOCKER`)."""
    why_not = docker.available(settings.resolve(Path.cwd()))
    if why_not and os.environ.get("LABKIT_TEST_DOCKER") == "require":
        pytest.fail(f"LABKIT_TEST_DOCKER=require, and Docker cannot be used: {why_not}")
    if why_not:
        pytest.skip(f"Docker cannot be used: {why_not}")


@pytest.fixture(name="daemon")
def _daemon(settings: settings.Settings) -> Iterator[DockerClient]:
    """A client of the Docker daemon."""
    with daemon.connected(settings) as client:
        yield client
