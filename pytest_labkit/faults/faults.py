"""What the fixture `faults` is: everything that a lab's test can break, and the promise that it is mended."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_labkit.domain import seeds
from pytest_labkit.domain.errors import KitError
from pytest_labkit.faults.link import Link
from pytest_labkit.faults.process import ProxyProcess
from pytest_labkit.faults.servers import Kafka, Server
from pytest_labkit.faults.undo import Fault, undo_all
from pytest_labkit.services import kafka

if TYPE_CHECKING:
    from pytest_labkit.services import Endpoint, Services

_VARIABLES = {"redis": "REDIS_URL", "dynamodb": "AWS_ENDPOINT_URL_DYNAMODB", "search": "SEARCH_URL"}


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

    @property
    def redis(self) -> Server:
        """Redis, for a test that asks for the fixture `redis`."""
        return self._server("redis")

    @property
    def dynamodb(self) -> Server:
        """DynamoDB, for a test that asks for the fixture `dynamodb`, which has faults of its HTTP too."""
        return self._server("dynamodb")

    @property
    def search(self) -> Server:
        """The search engine, for a test that asks for the fixture `search`."""
        return self._server("search")

    @property
    def kafka(self) -> Kafka:
        """Kafka, for a test that asks for the fixture `kafka`."""
        found = self._server("kafka")
        assert isinstance(found, Kafka)
        return found

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

    def _server(self, name: str) -> Server:
        if name not in self._servers:
            raise KitError(f"A test that uses faults.{name} has to ask for the fixture {name} too.")
        return self._servers[name]

    def _chance(self, site: str) -> random.Random:
        if site not in self._chances:
            self._chances[site] = random.Random(seeds.derive(self._seed, "maybe", site))  # noqa: S311
        return self._chances[site]

    def _put_in_front(self, name: str, endpoint: Endpoint) -> None:
        """Have a link lead to *endpoint*, and the environment to the link."""
        if name == "kafka":
            ports = [
                self._open("kafka", str(id_), host, port, kafka=True)
                for id_, (host, port) in kafka.brokers(endpoint).items()
            ]
            self._environ["KAFKA_BOOTSTRAP_SERVERS"] = ",".join(f"127.0.0.1:{port}" for port in ports)
            self._servers[name] = Kafka(self._services, self._relay, self._active, name, self._seed)
            return
        led_to = self._environ.get(_VARIABLES[name], endpoint.address)  # the test's own database of Redis
        no_link = self._put_in_front_of_url(name, led_to)
        self._servers[name] = Server(
            self._services, self._relay, self._active, name, self._seed, no_link=no_link
        )

    def _put_in_front_of_url(self, name: str, url: str) -> str | None:
        """As `_put_in_front`; why it cannot be done, if so."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "redis") or parts.hostname is None:
            return f"No link can stand in front of {name}: {parts.scheme}:// is not spoken in the clear."
        default = {"http": 80, "redis": 6379}[parts.scheme]
        port = self._open(name, name, parts.hostname, parts.port or default)
        user, at, _ = parts.netloc.rpartition("@")
        self._environ[_VARIABLES[name]] = parts._replace(netloc=f"{user}{at}127.0.0.1:{port}").geturl()
        return None

    def _open(self, group: str, key: str, host: str, port: int, *, kafka: bool = False) -> int:
        opened: int = self._relay.order("open", group=group, key=key, host=host, port=port, kafka=kafka)
        if group not in self._groups:
            self._groups.append(group)
        return opened
