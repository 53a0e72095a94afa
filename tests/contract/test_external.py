"""Services that run already: found by the environment, used, never stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pytest_labkit import services
from pytest_labkit.domain.errors import ServiceFailed, UsageProblem
from pytest_labkit.host import concurrently
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import NAMES, Choice, Services, external, local, works
from pytest_labkit.services.base import Running
from pytest_labkit.services.catalogue import SERVICES


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Running]]:
    """All services, as somebody else runs them; here on this machine."""
    from pytest_labkit.host import settings

    checkout = settings.resolve(tmp_path_factory.mktemp("elsewhere"))
    running: dict[str, Running] = {}
    try:
        concurrently.each(lambda name: running.update({name: local.start(name, checkout)}), NAMES)
        yield running
    finally:
        for service in running.values():
            service.stop()


@pytest.fixture
def given(elsewhere: dict[str, Running], settings: Settings) -> Settings:
    """Settings of a run that was told where they are, with their environment and nothing else."""
    environ = {name: value for running in elsewhere.values() for name, value in running.endpoint.env.items()}
    environ["OPENSEARCH_URL"] = elsewhere["search"].endpoint.address
    return replace(settings, backend="external", environ=environ)


def test_all_are_used_where_the_environment_says(given: Settings, elsewhere: dict[str, Running]) -> None:
    """A round trip works, the addresses are those given, and they run on after the run."""
    with Services(given) as run:
        endpoints = run.start(NAMES)
        assert Choice("external", "as asked for") == run.choice
        assert {name: elsewhere[name].endpoint.env for name in NAMES} == {
            n: e.env for n, e in endpoints.items()
        }
        assert all(run.healthy(name) for name in NAMES)
        assert {"external"} == {endpoint.backend for endpoint in endpoints.values()}
        assert elsewhere["redis"].endpoint.version == endpoints["redis"].version
        assert [] == run.log_tail("redis")
    assert all(works(running.endpoint) for running in elsewhere.values())


@pytest.mark.parametrize("service", NAMES)
def test_it_is_found_again_from_its_description(given: Settings, service: str) -> None:
    """Its endpoint is all there is to it."""
    running = external.start(service, given)
    found = external.find(running.describe(), given)
    assert found is not None
    assert running.endpoint == found.endpoint
    assert found.alive()


@pytest.mark.parametrize("service", NAMES)
def test_a_missing_variable_is_named(settings: Settings, service: str) -> None:
    """With an example to copy; nothing is started instead."""
    variable = SERVICES[service].external.variables[0]
    told = replace(settings, backend="external", environ={})
    with (
        Services(told) as run,
        pytest.raises(UsageProblem, match=f"the environment variable {variable} is not set.*\n.*{variable}="),
    ):
        run.start([service])


def test_one_that_does_not_answer_is_not_ready(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says where it was looked for, without the password, and which variable said so."""
    monkeypatch.setattr(external, "_DEADLINE_S", 0.1)
    told = replace(settings, environ={"REDIS_URL": "redis://me:secret@127.0.0.1:1/0"})
    with pytest.raises(
        ServiceFailed, match=r"set and read back at redis://127\.0\.0\.1:1/0 .*refused"
    ) as caught:
        external.start("redis", told)
    assert "secret" not in str(caught.value)
    assert caught.value.hint is not None
    assert "REDIS_URL" in caught.value.hint


def test_the_environment_says_whether_it_can_be_used(settings: Settings) -> None:
    """One variable is enough."""
    assert external.available(replace(settings, environ={"REDIS_URL": "redis://127.0.0.1:1"})) is None
    nothing = external.available(replace(settings, environ={}))
    assert (
        "None of KAFKA_BOOTSTRAP_SERVERS, AWS_ENDPOINT_URL_DYNAMODB, REDIS_URL, OPENSEARCH_URL, "
        "ELASTICSEARCH_URL is set."
    ) == nothing


def test_up_has_nothing_to_start(settings: Settings) -> None:
    """They run already."""
    with pytest.raises(UsageProblem, match="labkit up has nothing to start for --backend external"):
        services.up(replace(settings, backend="external"), ["redis"])


@pytest.mark.parametrize("variable", ["ELASTICSEARCH_URL", "OPENSEARCH_URL"])
@pytest.mark.parametrize(
    "engine", ["opensearch", pytest.param("elasticsearch", marks=pytest.mark.exhaustive)]
)
def test_an_engine_is_known_by_what_it_says(
    elsewhere: dict[str, Running], settings: Settings, variable: str, engine: str
) -> None:
    """Whichever variable names it, so that the matching client is used."""
    own = local.start("search", replace(settings, search=engine)) if engine == "elasticsearch" else None
    try:
        address = (own or elsewhere["search"]).endpoint.address
        told = replace(settings, backend="external", environ={variable: address})
        endpoint = external.start("search", told).endpoint
        assert (engine, address) == (endpoint.env["SEARCH_ENGINE"], endpoint.env["SEARCH_URL"])
        assert (own or elsewhere["search"]).endpoint.version == endpoint.version
    finally:
        if own:
            own.stop()
