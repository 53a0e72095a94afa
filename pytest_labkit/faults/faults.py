"""What the fixture `faults` is: everything that a lab's test can break, and the promise that it is mended."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_labkit.domain import seeds
from pytest_labkit.domain.errors import KitError
from pytest_labkit.faults.link import Link
from pytest_labkit.faults.process import ProxyProcess
from pytest_labkit.faults.servers import Kafka, Server
from pytest_labkit.faults.undo import Fault, undo_all
from pytest_labkit.services.catalogue import SERVICES
from pytest_labkit.services.service import Service

if TYPE_CHECKING:
    from pytest_labkit.services import Endpoint, Services


class Faults:
    """
    The faults of one test, on the services *used* and on links of its own.

    A link stands in front of each service from the start, and the environment leads there: what the
    student's code connects to is a link, while the kit's own clients go past it.

    Args:
        services: The services of the run.
        used: Those that the test asks for.
        environ: Where a student's code looks for them: `os.environ`, through something that undoes itself.
        relay: The process that links lead through.
        seed: What all chance here follows from.
    """

    def __init__(
        self,
        services: Services,
        used: Iterable[str],
        environ: MutableMapping[str, str],
        relay: ProxyProcess,
        seed: int,
    ) -> None:
        self._services = services
        self._environ = environ
        self._relay = relay
        self._seed = seed
        self._active: list[Fault] = []
        self._groups: list[str] = []
        self._names = count(1)
        self._chances: dict[str, random.Random] = {}
        self._servers: dict[str, Server] = {}
        for name in used:
            self._put_in_front(name, services.endpoint(name))

    def __getattr__(self, name: str) -> Any:
        """
        The `Server` that the service *name* is, a `Kafka` if that is one; for a test that has its fixture.

        Raises:
            KitError: The test does not ask for it.
        """
        if name not in SERVICES:
            raise AttributeError(f"There is no service {name!r}.")
        if name not in self._servers:
            raise KitError(f"A test that uses faults.{name} has to ask for the fixture {name} too.")
        return self._servers[name]

    def link(self, host: str, port: int) -> tuple[Link, int]:
        """A link to any server, and the port of 127.0.0.1 that leads to it until the test ends."""
        name = f"link {next(self._names)} to {host}:{port}"
        opened = self._open(name, name, host, port)
        return Link(self._relay, self._active, name, self._seed), opened

    @contextmanager
    def maybe(
        self, probability: float, fault: AbstractContextManager[object], *, site: str
    ) -> Iterator[bool]:
        """
        *fault* with this *probability*, and nothing otherwise; gives which it was.

        The choice at a *site*, a name of your own, follows from the run's seed and from how often the site
        was passed, whatever happens at others.
        """
        if not 0 <= probability <= 1:
            raise ValueError(f"probability={probability}: it has to be between 0 and 1")
        if self._chance(site).random() < probability:
            with fault:
                yield True
        else:
            yield False

    def undo(self) -> None:
        """
        Undo every fault that is left.

        Raises:
            KitError: One could not be undone.
        """
        undo_all(self._active)

    def close(self) -> None:
        """
        Undo what is left, and take the links away.

        Raises:
            KitError: A fault could not be undone, or a link met bytes that it could not read.
        """
        try:
            self.undo()
        finally:
            problems = [p for group in self._groups for p in self._relay.order("close", group=group)]
            self._groups.clear()
        if problems:
            raise KitError(f"A link to Kafka met what is not its protocol: {problems[0]}. TLS, perhaps?")

    def _chance(self, site: str) -> random.Random:
        if site not in self._chances:
            self._chances[site] = random.Random(seeds.derive(self._seed, "maybe", site))  # noqa: S311
        return self._chances[site]

    def _put_in_front(self, name: str, endpoint: Endpoint) -> None:
        """Have a link lead to *endpoint*, and the environment to the link."""
        service, no_link = SERVICES[name], None
        if service.cluster is not None:
            self._put_in_front_of_brokers(service, service.cluster.brokers(endpoint))
        else:
            url = self._environ.get(service.variable, endpoint.address)  # the test's own database of Redis
            no_link = self._put_in_front_of_url(service, url)
        server = Server if service.cluster is None else Kafka
        self._servers[name] = server(
            self._services, self._relay, self._active, name, self._seed, no_link=no_link
        )

    def _put_in_front_of_brokers(self, service: Service, brokers: Mapping[int, tuple[str, int]]) -> None:
        ports = [
            self._open(service.name, str(id_), host, port, kafka=True)
            for id_, (host, port) in brokers.items()
        ]
        self._environ[service.variable] = ",".join(f"127.0.0.1:{port}" for port in ports)

    def _put_in_front_of_url(self, service: Service, url: str) -> str | None:
        """As `_put_in_front`; why it cannot be done, if so."""
        name, parts = service.name, urlsplit(url)
        if parts.scheme not in service.schemes or parts.hostname is None:
            return f"No link can stand in front of {name}: {parts.scheme}:// is not spoken in the clear."
        port = self._open(name, name, parts.hostname, parts.port or service.schemes[parts.scheme])
        user, at, _ = parts.netloc.rpartition("@")
        self._environ[service.variable] = parts._replace(netloc=f"{user}{at}127.0.0.1:{port}").geturl()
        return None

    def _open(self, group: str, key: str, host: str, port: int, *, kafka: bool = False) -> int:
        opened: int = self._relay.order("open", group=group, key=key, host=host, port=port, kafka=kafka)
        if group not in self._groups:
            self._groups.append(group)
        return opened
