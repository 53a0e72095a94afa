"""The contract of services, kept by containers; and what only containers promise."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import docker as sdk
import pytest
from service_contract import *  # noqa: F403
from service_contract import Start, produced

from pytest_labkit.host import concurrently
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import NAMES, Running, Services, docker, works
from pytest_labkit.services.catalogue import SERVICES
from pytest_labkit.services.docker.owner import KEPT, sweep
from pytest_labkit.services.recipes import ContainerRecipe, Server
from pytest_labkit.session.dynamodb import DynamoDBSandbox

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("docker_usable")]


@pytest.fixture
def backend() -> ModuleType:
    """Containers."""
    return docker


@pytest.fixture
def kill(daemon: sdk.DockerClient) -> Callable[[Running], None]:
    """Kills the first container of a service, and waits until it has gone."""

    def kill(running: Running) -> None:
        first = daemon.containers.get(running.describe()["containers"][0])
        first.kill()
        first.wait(timeout=30)

    return kill


@pytest.fixture
def doomed(monkeypatch: pytest.MonkeyPatch) -> str:
    """A container of the Redis image that says something and ends with status 3."""
    server = Server("redis", 6379, ["sh", "-c", "echo cannot go on; exit 3"])
    redis = SERVICES["redis"]

    def containers(settings: Settings) -> ContainerRecipe:
        return replace(redis.containers(settings), servers=lambda _brokers: [server])

    monkeypatch.setitem(SERVICES, "redis", replace(redis, containers=containers))
    return "cannot go on"


def of_checkout(daemon: sdk.DockerClient, settings: Settings, **more: str) -> list[dict[str, Any]]:
    """What the daemon lists of a checkout's containers, running or not, but for Ryuk's own."""
    labels = {"labkit.root": str(settings.root), **more}
    found = daemon.api.containers(all=True, filters={"label": [f"{k}={v}" for k, v in labels.items()]})
    return [container for container in found if container["Labels"]["labkit.service"] != "ryuk"]


def eventually(is_so: Callable[[], bool], *, seconds: float) -> bool:
    """Whether *is_so* became true within *seconds*."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


CHILD = """
import json, sys, time
from pathlib import Path
from pytest_labkit.services import docker, registry
from pytest_labkit.services.docker.daemon import connected
from pytest_labkit.services.docker.owner import labels
from pytest_labkit.host.settings import resolve

settings, keep = resolve(Path(sys.argv[1])), sys.argv[2] == "keep"
running = docker.start("redis", settings, keep=keep)
with connected(settings) as client:
    name = f"labkit-test-{running.describe()['containers'][0]}"
    client.networks.create(name, labels=labels(settings, "redis", keep=keep))
described = {**running.describe(), "network": name} if keep else running.describe()
if keep:
    registry.kept(settings.root).put(described)
print(json.dumps(described), flush=True)
time.sleep(0 if keep else 300)
"""


@pytest.fixture
def killed(settings: Settings) -> Callable[..., dict[str, Any]]:
    """Starts a Redis and a network in a process of its own, and kills that; gives the Redis' description."""

    def killed(*, root: Path | None = None, ryuk: bool = False) -> dict[str, Any]:
        environ = {**os.environ, "TESTCONTAINERS_RYUK_DISABLED": "false" if ryuk else "true"}
        environ["RYUK_RECONNECTION_TIMEOUT"] = "1s"
        command = [sys.executable, "-c", CHILD, str(root or settings.root), "own"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as child:
            assert child.stdout is not None
            description: dict[str, Any] = json.loads(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
        return description

    return killed


@pytest.fixture
def kept(settings: Settings, daemon: sdk.DockerClient) -> Iterator[dict[str, Any]]:
    """The description of a Redis that a process that has ended keeps, as `labkit up` does."""
    command = [sys.executable, "-c", CHILD, str(settings.root), "keep"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=120)
    yield json.loads(done.stdout)
    sweep(daemon, settings, kept="redis")


def test_what_a_killed_run_left_is_swept_up(
    settings: Settings, daemon: sdk.DockerClient, killed: Callable[..., dict[str, Any]]
) -> None:
    """Its containers and its networks go, and nothing else."""
    left = killed()
    assert works(docker.find(left, settings).endpoint)  # type: ignore[union-attr]
    assert 2 == len(sweep(daemon, settings))
    assert [] == of_checkout(daemon, settings)
    assert [] == daemon.networks.list(filters={"label": f"labkit.root={settings.root}"})
    assert docker.find(left, settings) is None


def test_the_next_start_sweeps(
    start: Start, settings: Settings, daemon: sdk.DockerClient, killed: Callable[..., dict[str, Any]]
) -> None:
    """Nobody has to ask for it."""
    killed()
    running = start("redis")
    assert running.describe()["containers"] == [c["Id"] for c in of_checkout(daemon, settings)]


def test_another_checkout_is_left_alone(
    settings: Settings, daemon: sdk.DockerClient, killed: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """What a killed run of another checkout left is for that one to sweep up."""
    other = replace(settings, root=tmp_path / "other")
    left = killed(root=other.root)
    assert [] == sweep(daemon, settings)
    assert docker.find(left, settings) is not None
    assert 2 == len(sweep(daemon, other))


def test_ryuk_removes_what_a_killed_run_left(
    settings: Settings, daemon: sdk.DockerClient, killed: Callable[..., dict[str, Any]]
) -> None:
    """Without any next start, and then Ryuk goes too."""
    left = killed(ryuk=True)
    assert eventually(lambda: docker.find(left, settings) is None, seconds=40)
    assert eventually(lambda: [] == of_checkout(daemon, settings), seconds=20)
    assert eventually(lambda: [] == sweep(daemon, settings), seconds=20)


def test_what_up_keeps_outlives_its_process_and_every_sweep(
    settings: Settings, daemon: sdk.DockerClient, kept: dict[str, Any]
) -> None:
    """No session label of testcontainers' is on it either, for any Ryuk to go by."""
    assert [] == sweep(daemon, settings)
    found = docker.find(kept, settings)
    assert found is not None
    assert works(found.endpoint)
    (container,) = of_checkout(daemon, settings)
    assert KEPT == container["Labels"]["labkit.run"]
    assert [] == [label for label in container["Labels"] if "testcontainers" in label]


def test_up_replaces_what_it_kept_and_lost(
    settings: Settings, daemon: sdk.DockerClient, kept: dict[str, Any]
) -> None:
    """A kept service that is to be started anew does not stay beside the new one."""
    running = docker.start("redis", settings, keep=True)
    assert running.describe()["containers"] == [c["Id"] for c in of_checkout(daemon, settings)]


def test_a_stopped_cluster_leaves_neither_container_nor_network(
    start: Start, settings: Settings, daemon: sdk.DockerClient
) -> None:
    """Three brokers share a network, which goes with them."""
    running = start("kafka", brokers=3)
    assert 3 == len(of_checkout(daemon, settings))
    assert 1 == len(daemon.networks.list(filters={"label": f"labkit.root={settings.root}"}))
    running.stop()
    assert [] == of_checkout(daemon, settings)
    assert [] == daemon.networks.list(filters={"label": f"labkit.root={settings.root}"})


def test_services_started_side_by_side_listen_on_loopback_only(
    settings: Settings, daemon: sdk.DockerClient
) -> None:
    """All three, started in threads, and Ryuk: nothing is published on another address."""
    with Services(replace(settings, backend="docker")) as services:
        assert set(NAMES) == set(services.start(NAMES))
        containers = daemon.api.containers(filters={"label": "labkit.root"})
        assert {"127.0.0.1"} == {p["IP"] for c in containers for p in c["Ports"] if "PublicPort" in p}
        assert set(NAMES) == {c["Labels"]["labkit.service"] for c in of_checkout(daemon, settings)}
    assert [] == of_checkout(daemon, settings)


def test_a_restarted_broker_is_where_it_was(start: Start, daemon: sdk.DockerClient) -> None:
    """Clients find it at the same address, and what they were told is stored."""
    running = start("kafka")
    assert produced(running.endpoint, "orders") is None
    (container,) = running.describe()["containers"]
    daemon.containers.get(container).restart(timeout=20)
    assert produced(running.endpoint, "orders", seconds=60) is None
    assert running.alive()


def test_a_dynamodb_is_one_test_s_at_a_time(settings: Settings) -> None:
    """What a killed test has left in it is gone, whichever engine is in it; a second one waits."""
    with Services(replace(settings, backend="docker")) as run:
        endpoint = run.endpoint("dynamodb")
        first = DynamoDBSandbox(endpoint, {})
        first.create_table("left", partition_key=("id", "S"))
        waiting = concurrently.begin(lambda: DynamoDBSandbox(endpoint, {}))
        time.sleep(0.3)
        assert not waiting.done()
        assert first._place is not None
        first._place.lock.release()  # as when its process is killed: nothing is deleted
        second = waiting.result(30)
        assert [] == second.client.list_tables()["TableNames"]
        second.close()
