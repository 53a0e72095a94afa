"""
The Docker daemon: how it is reached, why it cannot be, and which images it has.

Nothing here is imported or asked before it is needed: `docker` and `testcontainers` cost 0.3 s.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host.settings import Settings

if TYPE_CHECKING:
    from docker import DockerClient

HINT = "Start Docker, or choose --lab-backend local."
USUAL_ADDRESS = "unix:///var/run/docker.sock"
REQUEST_S = 30.0  # for one request: also the deadline of a removal
PULL_S = 300.0  # for the next piece of an image to arrive
LOOK_UP_S = 4.0  # for a registry to say whether it has an image
_SETTINGS = (".docker", ".testcontainers.properties")  # in the home folder
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def address(settings: Settings) -> str:
    """Where the daemon is: `DOCKER_HOST`, else what `docker context` and testcontainers are set to."""
    given = settings.environ.get("DOCKER_HOST")
    if given:
        return given
    if not any((Path.home() / name).exists() for name in _SETTINGS):
        return USUAL_ADDRESS  # nothing is set, and to import what would read it takes half a second
    from testcontainers.core.docker_client import get_docker_host

    return get_docker_host() or USUAL_ADDRESS


@contextmanager
def connected(settings: Settings, *, timeout_s: float = REQUEST_S) -> Iterator[DockerClient]:
    """
    A client of the daemon, closed at the end.

    Raises:
        KitError: The daemon does not answer, refuses this user, or is on another machine, where the
            ports that the kit publishes on 127.0.0.1 could not be reached.
    """
    host = address(settings)
    if not _on_this_machine(host):
        what = (
            f"The Docker daemon at {host} is on another machine, where ports of 127.0.0.1 are out of reach."
        )
        raise KitError(what, "Unset DOCKER_HOST, or choose --lab-backend local or external.")
    try:
        _knock(host, timeout_s)  # before the import, which is for nothing where there is no daemon
    except OSError as error:
        raise KitError(why_not(host, error, timeout_s), HINT) from error
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=timeout_s, environment={**settings.environ, "DOCKER_HOST": host})
    except (DockerException, OSError) as error:
        raise KitError(why_not(host, error, timeout_s), HINT) from error
    try:
        yield client
    finally:
        client.close()


def _knock(host: str, timeout_s: float) -> None:
    """Raise `OSError` if nobody listens at *host*, a socket file: docker-py would leave a socket open."""
    url = urlsplit(host)
    if url.scheme == "unix":
        with socket.socket(socket.AF_UNIX) as knock:
            knock.settimeout(timeout_s)
            knock.connect(url.path)


def _on_this_machine(host: str) -> bool:
    """Whether *host* is a socket of this machine; what is no address at all is left to the client."""
    url = urlsplit(host)
    return url.scheme not in ("tcp", "http", "https", "ssh") or url.hostname in LOOPBACK


def why_not(host: str, error: BaseException, timeout_s: float) -> str:
    """One sentence for *error*, which the client raised on its way to the daemon at *host*."""
    causes = list(_causes(error))
    if any(isinstance(cause, PermissionError) for cause in causes):
        return f"This user may not use the Docker daemon at {host}: permission denied."
    if any(isinstance(cause, FileNotFoundError) for cause in causes):
        return f"No Docker daemon answers at {host}: there is no such socket."
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return f"No Docker daemon answers at {host}: connection refused."
    if any("Timeout" in type(cause).__name__ for cause in causes):
        return f"No Docker daemon answers at {host} within {timeout_s:g} s."
    return f"The Docker daemon at {host} cannot be used: {first_line(error)}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """*error* and what led to it, outermost first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def first_line(error: BaseException) -> str:
    """What *error* says, in one line that ends with a full stop."""
    said = str(getattr(error, "explanation", None) or error) or type(error).__name__
    return said.splitlines()[0].rstrip(".") + "."


def has_image(client: DockerClient, image: str) -> bool:
    """Whether the daemon has *image* already."""
    from docker.errors import ImageNotFound

    try:
        client.images.get(image)
    except ImageNotFound:
        return False
    return True


def can_pull(settings: Settings, image: str) -> bool:
    """Whether a registry says within a few seconds that it has *image*; nothing is pulled."""
    from docker.errors import APIError
    from requests import RequestException

    try:
        with connected(settings, timeout_s=LOOK_UP_S) as client:
            client.images.get_registry_data(image)
    except (APIError, RequestException, KitError):
        return False
    return True


def need_image(settings: Settings, image: str, say: Callable[[str], None]) -> None:
    """
    Have *image*: pulled if the daemon has not got it.

    Raises:
        KitError: It is not there and cannot be pulled; says which, and what to do.
    """
    from docker.errors import APIError
    from requests import RequestException

    with connected(settings, timeout_s=PULL_S) as client:
        if has_image(client, image):
            return
        say(f"Pulling the image {image} …")
        try:
            client.images.pull(image)
        except (APIError, RequestException) as error:
            what = f"Docker has no image {image} and could not pull it: {first_line(error)}"
            hint = f"Run `docker pull {image}` where there is a network, or choose --lab-backend local."
            raise KitError(what, hint) from error
