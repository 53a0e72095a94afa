"""`compose.yaml` is made from what the docker backend starts; its ports are on loopback only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_labkit.host import settings
from pytest_labkit.services.catalogue import NAMES, SERVICES

COMPOSE = Path(__file__).parents[2] / "compose.yaml"
RECORD = os.environ.get("LABKIT_RECORD") == "1"
SETTINGS = settings.resolve(COMPOSE.parent, environ={})
ABOVE = """\
# The servers of the labs, for those who keep their own running:
#
#   docker compose up -d
{exports}
#   pytest labs/lab3 --lab-backend external
#
# Made from pytest_labkit/services (LABKIT_RECORD=1 pytest tests/unit/test_docker_compose.py): images,
# commands and environment are those of --lab-backend docker. Every port is published on 127.0.0.1 only, and
# nothing is kept when the containers are removed.
"""


def composed() -> str:
    """What `compose.yaml` has to be."""
    services = {name: container(name) for name in NAMES}
    above = ABOVE.format(exports="\n".join(f"#   export {line}" for name in NAMES for line in exports(name)))
    return above + yaml.safe_dump({"name": "labkit", "services": services}, sort_keys=False, width=110)


def container(name: str) -> dict[str, Any]:
    """A service alone in one container, at its usual port."""
    recipe = SERVICES[name].containers(SETTINGS)
    (server,) = recipe.servers(1)
    told = {"command": list(server.command or ()), "environment": dict(server.environment(server.port))}
    return {
        "image": recipe.image,
        "ports": [f"127.0.0.1:{server.port}:{server.port}"],
        **{key: value for key, value in told.items() if value},
    }


def exports(name: str) -> list[str]:
    """What the environment has to have for `--lab-backend external` to find it."""
    external = SERVICES[name].external
    others = {n: v for n, v in external.endpoint(external.example, {}).env.items() if n.startswith("AWS_")}
    return [f"{n}={v}" for n, v in {external.variables[0]: external.example, **others}.items()]


@pytest.fixture
def services() -> dict[str, Any]:
    """The services of `compose.yaml`."""
    return dict(yaml.safe_load(COMPOSE.read_text("utf-8"))["services"])


def test_it_is_made_from_the_catalogue() -> None:
    """A version, a port and a setting stand once: in the file of their service."""
    if RECORD:
        COMPOSE.write_text(composed(), "utf-8")
    assert composed() == COMPOSE.read_text("utf-8")


def test_images_are_those_of_the_docker_backend(services: dict[str, Any]) -> None:
    """A version is pinned once: in the file of its service, which compose.yaml repeats."""
    images = {name: service.release(SETTINGS).image for name, service in SERVICES.items()}
    assert images == {name: service["image"] for name, service in services.items()}


def test_every_port_is_published_on_loopback_only(services: dict[str, Any]) -> None:
    """Nobody else on the network can reach the servers."""
    ports = [port for service in services.values() for port in service["ports"]]
    assert ["127.0.0.1"] * len(NAMES) == [port.split(":")[0] for port in ports]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_ports_in_the_containers_are_those_of_the_docker_backend(
    services: dict[str, Any], name: str
) -> None:
    """What listens inside is the same as what the docker backend publishes."""
    (server,) = SERVICES[name].containers(SETTINGS).servers(1)
    assert [str(server.port)] == [port.split(":")[2] for port in services[name]["ports"]]


def test_dynamodb_keeps_a_namespace_per_access_key(services: dict[str, Any]) -> None:
    """-sharedDb would give all access keys one namespace: --lab-backend external relies on theirs."""
    command = services["dynamodb"]["command"]
    assert ("-inMemory" in command, "-sharedDb" in command) == (True, False)


def test_nothing_is_mounted_or_privileged(services: dict[str, Any]) -> None:
    """A container gets nothing of this machine."""
    allowed = {"image", "ports", "environment", "command"}
    assert set() == {key for service in services.values() for key in service} - allowed


def test_another_image_of_dynamodb_is_started_as_it_is() -> None:
    """LABKIT_DYNAMODB_IMAGE names it; it is not told what DynamoDB Local is told."""
    environ = {"LABKIT_DYNAMODB_IMAGE": "registry.example:5000/dynoxide:1.2.1"}
    recipe = SERVICES["dynamodb"].containers(settings.resolve(COMPOSE.parent, environ=environ))
    (server,) = recipe.servers(1)
    assert ("registry.example:5000/dynoxide:1.2.1", None, 8000) == (recipe.image, server.command, server.port)
    assert "1.2.1" == recipe.endpoint([20000]).version
