"""What a user reads when Docker cannot be used; none of these tests needs a daemon."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import choose, docker
from pytest_labkit.services.docker.daemon import connected, why_not


def settings(docker_host: str, root: Path = Path("/nowhere")) -> Settings:
    """Settings whose Docker daemon is at *docker_host*, whatever this machine has."""
    return Settings(root=root, environ={"DOCKER_HOST": docker_host})


@pytest.fixture
def mute_host() -> Iterator[str]:
    """The address of something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed_host() -> str:
    """An address of this machine at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"tcp://127.0.0.1:{server.getsockname()[1]}"


def test_no_socket(tmp_path: Path) -> None:
    """Docker is not installed or not started."""
    host = f"unix://{tmp_path}/docker.sock"
    assert f"No Docker daemon answers at {host}: there is no such socket." == docker.available(settings(host))


def test_refused(closed_host: str) -> None:
    """DOCKER_HOST names a port at which nothing listens."""
    expected = f"No Docker daemon answers at {closed_host}: connection refused."
    assert expected == docker.available(settings(closed_host))


def test_mute(mute_host: str) -> None:
    """A daemon that hangs is given up on after two seconds."""
    expected = f"No Docker daemon answers at {mute_host} within 2 s."
    assert expected == docker.available(settings(mute_host))


def test_another_machine() -> None:
    """Ports on loopback of another machine are of no use here, so it is not even asked."""
    expected = (
        "The Docker daemon at tcp://docker.example:2375 is on another machine, where ports of 127.0.0.1 "
        "are out of reach."
    )
    assert expected == docker.available(settings("tcp://docker.example:2375"))


@pytest.mark.parametrize("host", ["bogus://x", "nonsense"])
def test_no_address(host: str) -> None:
    """DOCKER_HOST is no address at all."""
    said = docker.available(settings(host))
    assert said is not None
    assert said.startswith(f"The Docker daemon at {host} cannot be used: Invalid bind address")


def test_permission_denied() -> None:
    """The socket is there, and this user may not use it."""
    host = "unix:///var/run/docker.sock"
    error = RuntimeError("Error while fetching server API version")
    error.__cause__ = PermissionError(13, "Permission denied")
    expected = f"This user may not use the Docker daemon at {host}: permission denied."
    assert expected == why_not(host, error, 2)


def test_what_to_do_is_said_too(closed_host: str) -> None:
    """Whoever asked for Docker is told the way out."""
    with (
        pytest.raises(KitError, match=r"\nStart Docker, or choose --lab-backend local\.$"),
        connected(settings(closed_host)),
    ):
        pass


def test_start_says_it_in_one_message(closed_host: str) -> None:
    """`start` fails with the same sentence, before anything is started."""
    with pytest.raises(KitError, match=r"^No Docker daemon answers at tcp://"):
        docker.start("redis", settings(closed_host))


def test_asked_for_and_not_to_be_had(closed_host: str) -> None:
    """--lab-backend docker without Docker ends with one plain message."""
    with pytest.raises(
        KitError, match=r"^--lab-backend docker cannot be used: No Docker daemon answers at tcp://"
    ):
        choose(replace(settings(closed_host), backend="docker"))


def test_find_without_a_daemon(closed_host: str) -> None:
    """A service that was described when Docker ran is gone with Docker, and that is no error."""
    described = {
        "endpoint": {
            "service": "redis",
            "backend": "docker",
            "version": "7.4",
            "address": "redis://127.0.0.1",
        },
        "containers": ["0" * 64],
        "network": None,
    }
    assert docker.find(described, settings(closed_host)) is None


def test_import_touches_nothing() -> None:
    """Neither `docker` nor `testcontainers` is imported before a container is wanted."""
    program = (
        "import sys, pytest_labkit.services.docker; print({'docker', 'testcontainers'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "set()\n" == said.stdout


class FakeDaemon(BaseHTTPRequestHandler):
    """Answers as dockerd 20.10 does on a machine that has one image or none, and reaches no registry."""

    has = "none"

    def do_GET(self) -> None:
        """The version; the image that it has; no other, here or in a registry."""
        if self.path == "/version":
            self._answer(200, {"ApiVersion": "1.41"})
        elif self.path == f"/v1.41/images/{self.has}/json":
            self._answer(200, {"Id": "sha256:0"})
        elif "/distribution/" in self.path:
            self._answer(500, {"message": "dial tcp: lookup registry.example: no such host"})
        else:
            self._answer(404, {"message": "no such image"})

    def do_POST(self) -> None:
        """A pull fails as the look-up does."""
        self._answer(500, {"message": "dial tcp: lookup registry.example: no such host"})

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""

    def _answer(self, status: int, body: dict[str, str]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def bare_host() -> Iterator[str]:
    """The address of a daemon without images or network."""
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeDaemon) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield f"tcp://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_image_absent(bare_host: str) -> None:
    """Without the images, and without a registry that has them, auto goes on to local."""
    expected = "Docker has no image apache/kafka:4.4.0, and `docker pull apache/kafka:4.4.0` would find none."
    assert expected == docker.available(settings(bare_host))


def test_only_the_images_of_what_is_wanted_have_to_be_there(
    bare_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a lab that needs Redis alone it does not matter that Kafka's image cannot be had."""
    monkeypatch.setattr(FakeDaemon, "has", "redis:7.4")
    assert docker.available(settings(bare_host), ["redis"]) is None
    assert docker.available(settings(bare_host), ["redis", "kafka"]) is not None
    wanted = replace(settings(bare_host), backend="docker")
    assert "docker" == choose(wanted, ["redis"]).backend
    with pytest.raises(KitError, match=r"cannot be used: Docker has no image amazon/dynamodb-local:3\.1\.0"):
        choose(wanted, ["redis", "dynamodb"])


def test_image_absent_at_start(bare_host: str) -> None:
    """Whoever asked for Docker reads which image is missing, why it cannot be had, and what to do."""
    said: list[str] = []
    with pytest.raises(KitError, match="could not pull it") as caught:
        docker.start("redis", settings(bare_host), say=said.append)
    assert ["Pulling the image redis:7.4 …"] == said
    assert (
        "Docker has no image redis:7.4 and could not pull it: "
        "dial tcp: lookup registry.example: no such host.\n"
        "Run `docker pull redis:7.4` where there is a network, or choose --lab-backend local."
    ) == str(caught.value)
