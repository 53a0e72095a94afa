"""What a real Redis client sees of each fault, and that the same client works again when it is over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_contract import *  # noqa: F403 - the contract's tests
from redis import Redis
from redis.exceptions import ConnectionError as Broken
from redis.exceptions import TimeoutError as TooLate

from pytest_labkit import services
from pytest_labkit.domain.errors import KitError
from pytest_labkit.faults.faults import Faults
from pytest_labkit.faults.process import ProxyProcess
from pytest_labkit.faults.servers import Server
from pytest_labkit.host import settings

TIMEOUT_S = 1.0


@pytest.fixture(scope="module", params=["local", "docker"])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[services.Services]:
    """A real Redis."""
    if request.param == "docker":
        request.getfixturevalue("docker_usable")
    chosen = settings.resolve(tmp_path_factory.mktemp("checkout"), options={"backend": request.param})
    with services.Services(chosen) as made:
        made.start(["redis"])
        yield made


@pytest.fixture
def environ() -> dict[str, str]:
    """What a student's code finds its services by."""
    return {}


@pytest.fixture
def faults(running: services.Services, environ: dict[str, str]) -> Iterator[Faults]:
    """The faults of one test."""
    relay = ProxyProcess()
    made = Faults(running, ["redis"], environ, relay, seed=407)
    yield made
    made.close()
    relay.close()


@pytest.fixture
def client(faults: Faults, environ: dict[str, str]) -> Iterator[Redis]:
    """A client as a student would make it, through the link; it tries nothing twice."""
    assert faults.redis
    with Redis.from_url(environ["REDIS_URL"], socket_timeout=TIMEOUT_S, retry=None) as made:
        made.flushall()
        yield made


@pytest.fixture
def past(running: services.Services, client: Redis) -> Iterator[Redis]:
    """The kit's own client, which goes past the link."""
    with Redis.from_url(running.endpoint("redis").address) as made:
        yield made


class Key:
    """A key of Redis, which has a number."""

    broken, broken_by = Broken, r"refused|reset|closed"
    late, late_by = TooLate, "Timeout"
    kept = False

    def __init__(self, client: Redis, past: Redis) -> None:
        self._client = client
        self._past = past

    def put(self, value: int) -> None:
        """Through the link."""
        self._client.set("key", value)

    def get(self) -> int | None:
        """Through the link."""
        return _number(self._client.get("key"))

    def put_past(self, value: int) -> None:
        """Past it."""
        self._past.set("key", value)

    def get_past(self) -> int | None:
        """Past it."""
        return _number(self._past.get("key"))


def _number(found: Any) -> int | None:
    return None if found is None else int(found)


@pytest.fixture
def store(client: Redis, past: Redis) -> Key:
    """For the contract."""
    return Key(client, past)


@pytest.fixture
def server(faults: Faults) -> Server:
    """For the contract."""
    return faults.redis


def test_a_delay_is_felt(faults: Faults, client: Redis) -> None:
    """Twice in a round trip."""
    client.ping()
    with faults.redis.latency(0.1):
        began = time.monotonic()
        client.ping()
        assert time.monotonic() - began >= 0.2


def test_what_was_left_broken_is_mended_at_the_end(
    faults: Faults, client: Redis, running: services.Services
) -> None:
    """Whoever forgets."""
    faults.redis.killed().__enter__()
    faults.redis.blackhole().__enter__()
    faults.undo()
    assert running.healthy("redis")
    assert client.ping()


def test_one_that_dies_by_itself_is_not_mended(tmp_path: Path, environ: dict[str, str]) -> None:
    """The kit starts what it has killed; that something else died is said."""
    with services.Services(settings.resolve(tmp_path, options={"backend": "local"})) as running:
        running.start(["redis"])
        relay = ProxyProcess()
        faults = Faults(running, ["redis"], environ, relay, seed=1)
        pause = faults.redis.paused().__enter__()
        running.running("redis").members()[0].kill()  # by whom, the pause does not know
        with pytest.raises(KitError, match="has ended, and the kit did not end it"):
            pause.undo()
        with pytest.raises(KitError, match=r"^paused: redis could not be undone: .*\nNo verdict follows"):
            faults.close()
        assert not running.healthy("redis")
        relay.close()


def test_an_external_redis_has_faults_on_its_link_only(
    running: services.Services, environ: dict[str, str], tmp_path: Path
) -> None:
    """The kit does not kill what is not its own, and says so."""
    given = {"REDIS_URL": running.endpoint("redis").address}
    theirs = settings.resolve(tmp_path, options={"backend": "external"}, environ=given)
    with services.Services(theirs) as external:
        relay = ProxyProcess()
        faults = Faults(external, ["redis"], environ, relay, seed=1)
        for broken in (faults.redis.killed(), faults.redis.paused()):
            with pytest.raises(KitError, match="The kit cannot kill or pause redis: with --lab-backend ext"):
                broken.__enter__()
        client = Redis.from_url(environ["REDIS_URL"], retry=None)
        with client, faults.redis.reset_peer(), pytest.raises(Broken, match=r"reset|closed"):
            client.ping()
        faults.close()
        relay.close()


def test_a_choice_of_chance_is_the_seeds(running: services.Services) -> None:
    """The same seed makes the same choices at a site, whatever happens at others; the odds are as given."""

    def choices(seed: int, *, others: bool) -> list[bool]:
        relay = ProxyProcess()
        faults = Faults(running, [], {}, relay, seed)
        made = []
        for _ in range(200):
            if others:
                with faults.maybe(0.5, NothingHappens(), site="other"):
                    pass
            with faults.maybe(0.25, NothingHappens(), site="before commit") as happens:
                made.append(happens)
        return made

    assert choices(1, others=False) == choices(1, others=True)
    assert choices(1, others=False) != choices(2, others=False)
    assert 25 <= sum(choices(1, others=False)) <= 75


class NothingHappens:
    """A fault that breaks nothing."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def test_a_service_that_was_not_asked_for_has_no_faults(faults: Faults) -> None:
    """The message says what to write."""
    with pytest.raises(KitError, match=r"A test that uses faults\.kafka has to ask for the fixture"):
        assert faults.kafka
    with pytest.raises(ValueError, match=r"probability=2: it has to be between 0 and 1"):
        faults.maybe(2, NothingHappens(), site="x").__enter__()


def test_the_links_of_a_test_end_with_it(faults: Faults, environ: dict[str, str]) -> None:
    """A client that lives on does not reach the next test's service through them."""
    faults.close()
    with Redis.from_url(environ["REDIS_URL"], retry=None) as client, pytest.raises(Broken, match="refused"):
        client.ping()
