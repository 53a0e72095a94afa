"""
Services that run already: a `docker compose` set-up, or a managed Kafka, DynamoDB, Redis or search engine.

The environment says where they are, by the names that the ecosystem uses. They are never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import dynamodb, kafka, redis, search, wait
from pytest_labkit.services.base import Endpoint

VARIABLES = {
    "kafka": "KAFKA_BOOTSTRAP_SERVERS",
    "dynamodb": "AWS_ENDPOINT_URL_DYNAMODB",
    "redis": "REDIS_URL",
    "search": "OPENSEARCH_URL",
}
"""The environment variable that says where each service is; see also `_OTHERS`."""

_OTHERS = {"search": "ELASTICSEARCH_URL"}
"""One that says it as well: which engine answers there, the engine itself tells."""

_EXAMPLES = {
    "kafka": "127.0.0.1:9092",
    "dynamodb": "http://127.0.0.1:8000",
    "redis": "redis://127.0.0.1:6379/0",
    "search": "http://127.0.0.1:9200",
}

_DEADLINE_S = 15.0  # it is said to run already; this is for one that is just being started


@dataclass
class External:
    """A service that somebody else runs."""

    endpoint: Endpoint

    def describe(self) -> dict[str, Any]:
        """JSON that `find` finds it by."""
        return {"service": self.endpoint.service, "backend": "external", "endpoint": asdict(self.endpoint)}

    def settled(self) -> None:
        """Nothing: it is nobody's to lose."""

    def alive(self) -> bool:
        """Always: nobody here knows more than a round trip would tell."""
        return True

    def members(self) -> tuple[()]:
        """None: it is not the kit's to kill or to pause."""
        return ()

    def log_tail(self, lines: int = 20) -> list[str]:  # noqa: ARG002 - as every backend
        """Nothing: its log is elsewhere."""
        return []

    def stop(self) -> None:
        """Nothing: it is not the kit's."""


def available(settings: Settings, services: Collection[str] = ()) -> str | None:  # noqa: ARG001
    """`None` if the environment names at least one service, else one sentence that says so."""
    variables = [*VARIABLES.values(), *_OTHERS.values()]
    if any(settings.environ.get(variable) for variable in variables):
        return None
    return f"None of {', '.join(variables)} is set."


def start(
    service: str,
    settings: Settings,
    *,
    brokers: int = 1,  # noqa: ARG001 - as many as it has
    say: Callable[[str], None] = lambda _: None,  # noqa: ARG001
    keep: bool = False,  # noqa: ARG001 - it is kept whatever the kit does
) -> External:
    """
    The *service* that the environment names, once a round trip has worked.

    Raises:
        UsageProblem: The environment does not name it.
        ServiceFailed: It does not answer.
    """
    endpoint, probe, awaited = _KINDS[service](settings.environ)
    began = time.monotonic()
    wait.until(
        lambda: probe(endpoint),
        deadline_s=_DEADLINE_S,
        service=service,
        awaited=f"{awaited} at {_shown(endpoint.address)}",
        hint=f"Is it running, and is {_variable(service, settings.environ)} right? "
        "Without it, use --lab-backend auto.",
    )
    endpoint = replace(endpoint, ready_s=round(time.monotonic() - began, 3))
    with suppress(Exception):  # a managed Redis may refuse to tell
        if service == "redis":
            endpoint = replace(endpoint, version=redis.server_version(endpoint))
    if service == "search":
        endpoint = search.identified(endpoint)
    return External(endpoint)


def find(description: Mapping[str, Any], settings: Settings) -> External | None:  # noqa: ARG001
    """The service that `External.describe` described."""
    return External(Endpoint(**description["endpoint"]))


def _variable(service: str, environ: Mapping[str, str]) -> str:
    """The environment variable that says where *service* is, or should say it."""
    names = [VARIABLES[service], *([_OTHERS[service]] if service in _OTHERS else [])]
    return next((name for name in names if environ.get(name)), names[0])


def _given(service: str, environ: Mapping[str, str]) -> str:
    variable = _variable(service, environ)
    if address := environ.get(variable):
        return address
    raise UsageProblem(
        f"--lab-backend external: the environment variable {variable} is not set.",
        f"Say where {service} runs, for instance {variable}={_EXAMPLES[service]}, or use --lab-backend auto.",
    )


def _shown(address: str) -> str:
    """*address* without a password that may stand in it."""
    scheme, separator, rest = address.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


_Kind = tuple[Endpoint, Callable[[Endpoint], None], str]


def _kafka(environ: Mapping[str, str]) -> _Kind:
    addresses = _given("kafka", environ).split(",")
    return kafka.endpoint(addresses, backend="external", version="unknown"), kafka.probe, kafka.AWAITED


def _dynamodb(environ: Mapping[str, str]) -> _Kind:
    endpoint = dynamodb.endpoint(
        _given("dynamodb", environ),
        backend="external",
        version="unknown",
        access_key=environ.get("AWS_ACCESS_KEY_ID", "labkit"),
        secret_key=environ.get("AWS_SECRET_ACCESS_KEY", "labkit"),
        region=environ.get("AWS_DEFAULT_REGION", "us-east-1"),
    )
    return endpoint, dynamodb.probe, dynamodb.AWAITED


def _redis(environ: Mapping[str, str]) -> _Kind:
    endpoint = redis.endpoint(_given("redis", environ), backend="external", version="unknown")
    return endpoint, redis.probe, redis.AWAITED


def _search(environ: Mapping[str, str]) -> _Kind:
    url = _given("search", environ)
    endpoint = search.endpoint(url, backend="external", engine="opensearch", version="unknown")
    return endpoint, search.probe, search.AWAITED  # which engine it is, it says itself


_KINDS: Mapping[str, Callable[[Mapping[str, str]], _Kind]] = {
    "kafka": _kafka,
    "dynamodb": _dynamodb,
    "redis": _redis,
    "search": _search,
}
