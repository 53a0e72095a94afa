"""What the search index sees of faults on OpenSearch and on the way to it; they pass without a loss."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from labs.lab3 import search_index
from labs.lab3.search_index import SearchFailed, SearchIndex
from pytest_labkit import services
from pytest_labkit.faults.faults import Faults
from pytest_labkit.faults.process import ProxyProcess
from pytest_labkit.host import settings


@pytest.fixture(scope="module", params=["local", "docker"])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[services.Services]:
    """A real OpenSearch."""
    if request.param == "docker":
        request.getfixturevalue("docker_usable")
    chosen = settings.resolve(tmp_path_factory.mktemp("checkout"), options={"backend": request.param})
    with services.Services(chosen) as made:
        made.start(["search"])
        yield made


@pytest.fixture
def faults(running: services.Services) -> Iterator[Faults]:
    """The faults of one test; a link stands in front of the engine."""
    relay = ProxyProcess()
    environ: dict[str, str] = {}
    made = Faults(running, ["search"], environ, relay, seed=407)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEARCH_URL", environ["SEARCH_URL"])
        patch.setenv("SEARCH_ENGINE", "opensearch")
        patch.setenv("SEARCH_PREFIX", "faults-")
        patch.setattr(search_index, "TIMEOUT_S", 2.0)
        yield made
    made.close()
    relay.close()


@pytest.fixture
def index(faults: Faults) -> SearchIndex:
    """An index with a document in it."""
    made = SearchIndex("orders")
    made.clear()
    made.put("1", {"a": "x"}, version=1)
    made.refresh()
    return made


def _fault(faults: Faults, name: str) -> AbstractContextManager[object]:
    return getattr(faults.search, name)()  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["refuse", "stall", "paused", "killed"])
def test_what_was_put_is_there_when_it_is_over(faults: Faults, index: SearchIndex, name: str) -> None:
    """Meanwhile every call fails, in the time that the index gives it; a killed engine has its disk."""
    with _fault(faults, name):
        began = time.monotonic()
        with pytest.raises(SearchFailed, match="POST /faults-orders/_search"):
            index.search("x", field="a")
        assert time.monotonic() - began < 30
    assert [{"a": "x"}] == index.search("x", field="a")
    assert index.put("1", {"a": "y"}, version=2)
