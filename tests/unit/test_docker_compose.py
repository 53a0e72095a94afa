"""`compose.yaml` starts the very servers that the docker backend starts, on loopback only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_labkit.services.docker.recipes import RECIPES
from pytest_labkit.services.versions import IMAGES

COMPOSE = Path(__file__).parents[2] / "compose.yaml"


@pytest.fixture
def services() -> dict[str, Any]:
    """The services of `compose.yaml`."""
    return dict(yaml.safe_load(COMPOSE.read_text("utf-8"))["services"])


def test_images_are_those_of_the_docker_backend(services: dict[str, Any]) -> None:
    """A version is pinned once: in versions.py, which compose.yaml repeats."""
    assert dict(IMAGES) == {name: service["image"] for name, service in services.items()}


def test_every_port_is_published_on_loopback_only(services: dict[str, Any]) -> None:
    """Nobody else on the network can reach the servers."""
    ports = [port for service in services.values() for port in service["ports"]]
    assert ["127.0.0.1"] * 4 == [port.split(":")[0] for port in ports]


@pytest.mark.parametrize("name", sorted(IMAGES))
def test_the_ports_in_the_containers_are_those_of_the_docker_backend(
    services: dict[str, Any], name: str
) -> None:
    """What listens inside is the same as what the docker backend publishes."""
    (server,) = RECIPES[name].servers(1)
    assert [str(server.port)] == [port.split(":")[2] for port in services[name]["ports"]]


def test_dynamodb_keeps_a_namespace_per_access_key(services: dict[str, Any]) -> None:
    """-sharedDb would give all tests one namespace."""
    command = services["dynamodb"]["command"]
    assert ("-inMemory" in command, "-sharedDb" in command) == (True, False)


def test_nothing_is_mounted_or_privileged(services: dict[str, Any]) -> None:
    """A container gets nothing of this machine."""
    allowed = {"image", "ports", "environment", "command"}
    assert set() == {key for service in services.values() for key in service} - allowed
