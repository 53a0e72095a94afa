"""
Services as containers of the official images, on ports of 127.0.0.1 only.

The kit picks each published port beforehand: Kafka's listener is known when the broker starts, and a
container that is restarted is found where it was.

`docker` and `testcontainers` are imported on first use; nothing is touched at import.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host import processes
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import registry
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.catalogue import NAMES, SERVICES
from pytest_labkit.services.docker.daemon import HINT, can_pull, connected, first_line, has_image, need_image
from pytest_labkit.services.docker.owner import call_ryuk, labels, sweep
from pytest_labkit.services.members import ContainerMember
from pytest_labkit.services.recipes import ContainerRecipe, Server
from pytest_labkit.services.service import Service
from pytest_labkit.services.wait import until

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

T = TypeVar("T")

ANSWER_S = 2.0  # for the daemon to say that it is there
PORT_TRIES = 5


def available(settings: Settings, services: Collection[str] = NAMES) -> str | None:
    """
    `None` if containers of *services* can be started, else one sentence that says why not.

    A daemon has to answer within 2 s, and to have their images, or a registry that says within 4 s that
    it has the one that is missing. Nothing is pulled.
    """
    try:
        with connected(settings, timeout_s=ANSWER_S) as client:
            images = [SERVICES[name].release(settings).image for name in services]
            missing = [image for image in images if not has_image(client, image)]
    except KitError as error:
        return error.what
    lost = next((image for image in missing if not can_pull(settings, image)), None)
    return lost and f"Docker has no image {lost}, and `docker pull {lost}` would find none."


def start(
    service: str,
    settings: Settings,
    *,
    brokers: int = 1,
    say: Callable[[str], None] = lambda _line: None,
    keep: bool = False,
) -> DockerService:
    """
    Start *service* and wait until a round trip worked.

    Args:
        service: Its name, such as `"kafka"`.
        settings: Those of the run; its root is the checkout that the containers belong to.
        brokers: How many Kafka brokers.
        say: Is told, in a line, what takes long.
        keep: The containers outlive this process, and no sweep takes them. Those that were kept before
            for the same service of this checkout are removed first.

    Raises:
        KitError: Docker cannot be used, or has no image and cannot pull it.
        ServiceFailed: The service died, or did not work in time; its containers are gone then.
    """
    recipe = SERVICES[service].containers(settings)
    need_image(settings, recipe.image, say)
    registry.docker_is_used(settings)
    if not keep:
        call_ryuk(settings, say)
    began = time.monotonic()
    with _said_plainly(service), connected(settings) as client:
        sweep(client, settings, kept=service if keep else None)
        running = _launch(client, settings, recipe, brokers, labels(settings, service, keep=keep))
    _await(running, recipe, SERVICES[service])
    ready_s = time.monotonic() - began
    running.endpoint = replace(running.endpoint, version=recipe.version(running.endpoint), ready_s=ready_s)
    return running


def _await(running: DockerService, recipe: ContainerRecipe, service: Service) -> None:
    """Wait until it works; if it does not, it is stopped."""
    try:
        until(
            lambda: service.probe(running.endpoint),
            deadline_s=recipe.deadline_s,
            service=service.name,
            awaited=service.awaited,
            alive=running.alive,
            log_tail=running.log_tail,
            exit_status=running.exit_status,
            hint="Look at `docker ps` and at the free memory and disk, or choose --lab-backend local.",
        )
    except BaseException:
        running.stop()
        raise


def find(description: Mapping[str, Any], settings: Settings) -> DockerService | None:
    """The service that `describe` described, in this process or another; `None` if it does not run."""
    endpoint = Endpoint(**{**description["endpoint"], "ready_s": 0.0})
    running = DockerService(settings, endpoint, description["containers"], description["network"])
    return running if running.alive() else None


class DockerService:
    """A running service, known by the ids of its *containers* and of the *network* they share, if any."""

    def __init__(
        self, settings: Settings, endpoint: Endpoint, containers: Sequence[str], network: str | None
    ) -> None:
        self.endpoint = endpoint
        self._settings = settings
        self._containers = tuple(containers)
        self._network = network

    def describe(self) -> dict[str, Any]:
        """What `find` needs, as JSON."""
        return {
            "service": self.endpoint.service,
            "backend": "docker",
            "endpoint": asdict(self.endpoint),
            "containers": list(self._containers),
            "network": self._network,
        }

    def settled(self) -> None:
        """Nothing: the sweep looks into the state file itself."""

    def alive(self) -> bool:
        """Whether every container runs; False too when the daemon does not say."""
        states = self._each(lambda container: container.attrs["State"])
        return len(states) == len(self._containers) and all(state["Running"] for state in states)

    def exit_status(self) -> int | None:
        """The exit status of the first container that ended, `None` while all run."""
        states = self._each(lambda container: container.attrs["State"])
        return next((state["ExitCode"] for state in states if not state["Running"]), None)

    def log_tail(self, lines: int = 20) -> list[str]:
        """The last lines of the first container that ended, else of the first; empty once they are gone."""
        logs = self._each(lambda container: (container.attrs["State"]["Running"], container.logs(tail=lines)))
        shown = min(logs, key=lambda log: log[0], default=(True, b""))[1]  # False, for ended, comes first
        return shown.decode(errors="replace").splitlines()[-lines:]

    def members(self) -> list[ContainerMember]:
        """Each of its containers."""
        return [ContainerMember(partial(self._container, id_)) for id_ in self._containers]

    @contextmanager
    def _container(self, id_: str) -> Iterator[Container]:
        with _said_plainly(self.endpoint.service, "reach"), connected(self._settings) as client:
            yield client.containers.get(id_)

    def stop(self) -> None:
        """Remove the containers, their volumes and the network, each within 30 s."""
        from requests import RequestException

        with suppress(KitError, RequestException), connected(self._settings) as client:
            _remove(client, self._containers, self._network)

    def _each(self, look: Callable[[Container], T]) -> list[T]:
        """What *look* sees in each container that the daemon still has; nothing if it does not answer."""
        from requests import RequestException

        seen: list[T] = []
        with suppress(KitError, RequestException), connected(self._settings) as client:
            for id_ in self._containers:
                with suppress(RequestException):  # docker's APIError is one
                    seen.append(look(client.containers.get(id_)))
        return seen


def _remove(client: DockerClient, containers: Iterable[str], network: str | None) -> None:
    """Remove what is still there of *containers* and *network*."""
    from docker.errors import APIError

    for id_ in containers:
        with suppress(APIError):
            client.api.remove_container(id_, force=True, v=True)
    if network is not None:
        with suppress(APIError):
            client.api.remove_network(network)


@contextmanager
def _said_plainly(service: str, doing: str = "start") -> Iterator[None]:
    """Turn what the daemon refuses or fails to do into a `KitError`."""
    from requests import RequestException

    try:
        yield
    except RequestException as error:
        raise KitError(f"Docker could not {doing} {service}: {first_line(error)}", HINT) from error


def _launch(
    client: DockerClient, settings: Settings, recipe: ContainerRecipe, brokers: int, marks: dict[str, str]
) -> DockerService:
    """Start the containers of *recipe*; if one of them cannot be, none is left."""
    servers = recipe.servers(brokers)
    containers: list[str] = []
    network: str | None = None
    try:
        if len(servers) > 1:
            network = client.networks.create(f"labkit-{uuid4().hex}", labels=marks).name
        ports = [_run(client, recipe.image, server, marks, network, containers) for server in servers]
    except BaseException:
        _remove(client, containers, network)
        raise
    return DockerService(settings, recipe.endpoint(ports), containers, network)


def _run(
    client: DockerClient,
    image: str,
    server: Server,
    marks: dict[str, str],
    network: str | None,
    containers: list[str],
) -> int:
    """Start *server*, add its id to *containers*; the port of 127.0.0.1 that it is published on."""
    alias = {network: client.api.create_endpoint_config(aliases=[server.name])} if network else None
    for _ in range(PORT_TRIES):
        port = processes.free_ports(1)[0]
        container = client.containers.create(
            image,
            list(server.command) if server.command else None,
            environment=dict(server.environment(port)),
            ports={f"{server.port}/tcp": ("127.0.0.1", port)},
            labels=marks,
            network=network,
            networking_config=alias,
        )
        containers.append(str(container.id))
        if _started(container):
            return port
        _remove(client, [containers.pop()], None)
    raise KitError(f"Docker found none of {PORT_TRIES} ports free that were free before.", HINT)


def _started(container: Container) -> bool:
    """Start *container*; false if another program has taken its port meanwhile."""
    from docker.errors import APIError

    try:
        container.start()
    except APIError as error:
        if any(words in str(error) for words in ("already allocated", "already in use")):
            return False
        raise
    return True
