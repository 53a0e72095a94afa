"""
The servers of `compose.yaml`, used as an external set-up.

Each is started as `docker compose` would: its image, command, environment and ports, taken from the
file. So the ports 9092, 8000, 6379 and 9200 of 127.0.0.1 have to be free.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from docker import DockerClient

from pytest_labkit.host.settings import Settings
from pytest_labkit.services import NAMES, Services, wait
from pytest_labkit.services.docker.owner import labels

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("docker_usable")]

COMPOSE = Path(__file__).parents[2] / "compose.yaml"
ENVIRONMENT = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "OPENSEARCH_URL": "http://127.0.0.1:9200",
    "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "labkit",
    "AWS_SECRET_ACCESS_KEY": "labkit",
}


@pytest.fixture
def composed(settings: Settings, daemon: DockerClient) -> Iterator[None]:
    """The services of `compose.yaml`, running."""
    containers = []
    for name, service in yaml.safe_load(COMPOSE.read_text("utf-8"))["services"].items():
        (address, published, port) = service["ports"][0].split(":")
        container = daemon.containers.create(
            service["image"],
            service.get("command"),
            environment=service.get("environment"),
            ports={f"{port}/tcp": (address, int(published))},
            labels=labels(settings, name, keep=False),
        )
        containers.append(container)
    try:
        for container in containers:
            container.start()
        yield
    finally:
        for container in containers:
            container.remove(force=True, v=True)


def test_an_external_run_uses_them(settings: Settings, composed: None) -> None:
    """With the variables that its first lines name, --lab-backend external finds them all."""
    external = replace(settings, backend="external", environ=ENVIRONMENT)

    def all_work() -> None:
        with Services(external) as services:  # anew each time: a service that fails is asked for once
            services.start(NAMES)
            assert [True] * 4 == [services.healthy(name) for name in NAMES]

    wait.until(all_work, deadline_s=90, service="compose.yaml", awaited="a round trip to each")


def test_the_variables_are_those_that_the_file_names() -> None:
    """Whoever copies the lines at its top has what the kit needs."""
    text = COMPOSE.read_text("utf-8")
    assert [] == [f"{name}={value}" for name, value in ENVIRONMENT.items() if f"{name}={value}" not in text]
