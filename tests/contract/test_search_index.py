"""
What lab 3's given search index promises, kept by the real engines that it speaks to.

OpenSearch as a process of this machine is tried every time; Elasticsearch, and OpenSearch in a container,
with the exhaustive tests.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from labs.lab3.search_index import SearchFailed, SearchIndex
from pytest_labkit.host import settings
from pytest_labkit.services import Endpoint, Services, search
from pytest_labkit.services.search import own_indexes

MUG = {"order_id": "1", "items": ["Red mug", "tea, green"], "status": "confirmed", "total": 9.5, "paid": True}
PEN = {"order_id": "2", "items": ["a pen that is red"], "status": "created", "total": 2, "paid": False}


@pytest.fixture(
    scope="module",
    params=[
        "local opensearch",
        pytest.param("local elasticsearch", marks=pytest.mark.exhaustive),
        pytest.param("docker opensearch", marks=[pytest.mark.exhaustive, pytest.mark.docker]),
    ],
)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A running search engine."""
    backend, name = request.param.split()
    if backend == "docker":
        request.getfixturevalue("docker_usable")
    made = settings.resolve(tmp_path_factory.mktemp("checkout"), options={"backend": backend})
    with Services(replace(made, search=name)) as services:
        yield services.endpoint("search")


@pytest.fixture
def index(engine: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[SearchIndex]:
    """The index `orders`, which nobody has written to yet."""
    with own_indexes(engine) as own:
        for name, value in own.env.items():
            monkeypatch.setenv(name, value)
        yield SearchIndex("orders")


@pytest.fixture
def filled(index: SearchIndex) -> SearchIndex:
    """The index with two documents in it."""
    index.put("1", MUG)
    index.put("2", PEN)
    index.refresh()
    return index


def found(index: SearchIndex, text: str, field: str = "items", **exact: str | float | bool) -> list[str]:
    """The ids of the orders that are found, in the order of their ids."""
    return sorted(document["order_id"] for document in index.search(text, field=field, **exact))


def test_an_index_that_was_never_written_to_is_empty(index: SearchIndex) -> None:
    """Nothing has to be made first: a search finds nothing, and a refresh is no error."""
    index.refresh()
    assert [] == index.search("red", field="items")
    assert not index.delete("1")


def test_a_document_comes_back_as_it_was_put(index: SearchIndex) -> None:
    """With all that it holds, searched or not."""
    document = {
        "a": "word",
        "deep": {"a": {"b": [1]}},
        "list": [{"x": 1}],
        "none": None,
        "empty": [],
        "n": 1.5,
    }
    assert index.put("1", document)
    index.refresh()
    assert [document] == index.search("word", field="a")


def test_it_shows_by_itself_soon(index: SearchIndex) -> None:
    """Without a refresh, a second later."""
    index.put("1", MUG)
    deadline = time.monotonic() + 10
    while not (ids := found(index, "mug")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ["1"] == ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("red", ["1", "2"]),
        ("MUG", ["1"]),
        ("pen red", ["2"]),
        ("mug pen", []),
        ("mugs", []),
        ("mu", []),
        ("green mug", ["1"]),
        ("that", ["2"]),
        ("", []),
        ("?!", []),
    ],
)
def test_every_word_has_to_be_there(filled: SearchIndex, text: str, ids: list[str]) -> None:
    """Whole, in any order, small or capital, in any value of a list; a text without a word finds nothing."""
    assert ids == found(filled, text)


def test_a_search_is_about_one_field(filled: SearchIndex) -> None:
    """A word in another field does not count, nor does one in a field that no document has."""
    assert [] == found(filled, "confirmed")
    assert ["1"] == found(filled, "confirmed", "status")
    assert [] == found(filled, "red", "colour")


@pytest.mark.parametrize(
    ("exact", "ids"),
    [
        ({"status": "created"}, ["2"]),
        ({"status": "Created"}, []),
        ({"status": "created", "paid": True}, []),
        ({"paid": True}, ["1"]),
        ({"total": 9.5}, ["1"]),
        ({"total": 2}, ["2"]),
        ({"items": "Red mug"}, ["1"]),
        ({"items": "Red"}, []),
        ({"nothing": "x"}, []),
    ],
)
def test_other_fields_can_have_to_be_equal(
    filled: SearchIndex, exact: dict[str, str | float | bool], ids: list[str]
) -> None:
    """To texts as a whole, numbers and booleans; to one value of a list."""
    assert ids == found(filled, "red", **exact)


def test_the_best_match_comes_first_and_size_is_kept(index: SearchIndex) -> None:
    """A short text with the word is a better match than a long one; no more than size are given."""
    for number in range(20):
        index.put(str(number), {"order_id": str(number), "items": "red " + "and more " * number})
    index.refresh()
    best = [document["order_id"] for document in index.search("red", field="items", size=3)]
    assert ["0", "1", "2"] == best
    assert 20 == len(index.search("red", field="items"))


def test_a_hundred_are_given_unless_more_are_asked_for(index: SearchIndex) -> None:
    """As the signature says."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: index.put(str(n), {"a": "x"}), range(130)))
    index.refresh()
    assert (100, 130) == (len(index.search("x", field="a")), len(index.search("x", field="a", size=10_000)))


def test_an_older_version_changes_nothing(index: SearchIndex) -> None:
    """Whatever it brings; the same version is written again, a newer one too."""
    said = [index.put("1", {"a": f"v{version}"}, version=version) for version in (3, 2, 0, 3, 7, 6)]
    index.refresh()
    assert [True, False, False, True, True, False] == said
    assert [{"a": "v7"}] == index.search("v7", field="a")
    assert [] == index.search("v6", field="a")


def test_without_versions_the_last_call_wins(index: SearchIndex) -> None:
    """Each is done."""
    assert [True, True] == [index.put("1", {"a": word}) for word in ("first", "second")]
    index.refresh()
    assert [{"a": "second"}] == index.search("second", field="a")


def test_versions_that_come_in_any_order_by_many_threads_end_at_the_newest(index: SearchIndex) -> None:
    """The engine compares, so no writer has to read first."""
    versions = list(range(60))
    random.Random(1).shuffle(versions)
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda v: index.put("1", {"a": f"v{v}"}, version=v), versions))
    index.refresh()
    assert [{"a": "v59"}] == index.search("v59", field="a")
    assert done[versions.index(59)]


def test_a_deleted_document_is_gone_and_says_whether_it_was_there(filled: SearchIndex) -> None:
    """Once; the others stay."""
    assert [True, False, False] == [filled.delete(id_) for id_ in ("1", "1", "never")]
    filled.refresh()
    assert ["2"] == found(filled, "red")


def test_a_deletion_has_a_version_too(index: SearchIndex) -> None:
    """An older one leaves the document; after it, an older put changes nothing and a newer one does."""
    index.put("1", {"a": "x"}, version=5)
    assert not index.delete("1", version=4)
    assert index.delete("1", version=6)
    assert not index.put("1", {"a": "late"}, version=5)
    assert index.put("1", {"a": "again"}, version=7)


def test_no_value_is_refused_because_of_what_came_before(index: SearchIndex) -> None:
    """A field may hold a number, what looks like a date, a text: no document decides for the next."""
    values = [1, "2024-01-01", "blue", 1.5, True, ["x", 2], "2024-13-77T", 2**70, "y" * 40_000]
    assert all(index.put(str(n), {"a": value}) for n, value in enumerate(values))
    index.refresh()
    assert [{"a": "blue"}] == index.search("blue", field="a")
    assert [{"a": 1.5}] == index.search("1.5", field="a")


def test_a_long_text_is_found_by_its_words_and_never_equal(index: SearchIndex) -> None:
    """The limit for equality is 8,191 characters."""
    short, long = "word " + "x" * 8186, "word " + "x" * 8187
    index.put("1", {"a": short})
    index.put("2", {"a": long})
    index.refresh()
    assert 2 == len(index.search("word", field="a"))
    assert 1 == len(index.search("word", field="a", a=short))
    assert [] == index.search("word", field="a", a=long)


def test_four_hundred_field_names_fit(index: SearchIndex) -> None:
    """In one document or in many."""
    assert all(index.put(str(n), {f"field{n}_{m}": "x" for m in range(40)}) for n in range(10))


@pytest.mark.parametrize("doc_id", ["a/b", "ü €", "?x=1&y", "order-1", "%2F", ".", "_x"])
def test_an_id_is_any_text(index: SearchIndex, doc_id: str) -> None:
    """Two that differ are two documents."""
    index.put(doc_id, {"a": "x"})
    index.put("other", {"a": "x"})
    index.refresh()
    assert 2 == len(index.search("x", field="a"))
    assert index.delete(doc_id)


def test_clear_leaves_nothing_not_even_versions(index: SearchIndex) -> None:
    """Another object of the same name sees that, and both go on: with the same settings of the index."""
    other = SearchIndex("orders")
    other.put("1", {"a": "x"}, version=9)
    index.refresh()
    index.clear()
    index.clear()
    assert [] == other.search("x", field="a")
    assert other.put("1", {"a": "2024-01-01"}, version=1)
    assert other.put("2", {"a": "no date"}, version=1)


def test_indexes_share_nothing(index: SearchIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither those of two names, nor those of two prefixes."""
    index.put("1", {"a": "x"})
    index.refresh()
    assert [] == SearchIndex("customers").search("x", field="a")
    monkeypatch.setenv("SEARCH_PREFIX", f"{os.environ['SEARCH_PREFIX']}other-")
    assert [] == SearchIndex("orders").search("x", field="a")


def test_what_the_engine_refuses_is_told(index: SearchIndex) -> None:
    """A field that is a text in one document cannot be a dict in another; what was there stays."""
    index.put("1", {"a": "x"})
    with pytest.raises(SearchFailed, match=r"PUT .*/_doc/2: .*failed to parse field \[a\]"):
        index.put("2", {"a": {"b": 1}})
    index.refresh()
    assert [{"a": "x"}] == index.search("x", field="a")


def test_an_engine_that_is_not_there_is_told(engine: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """By every method, in the same way whichever engine it should have been."""
    monkeypatch.setenv("SEARCH_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("SEARCH_ENGINE", engine.env["SEARCH_ENGINE"])
    with pytest.raises(SearchFailed, match="refused"):
        SearchIndex("orders").put("1", {})
    with pytest.raises(SearchFailed, match="refused"):
        SearchIndex("orders").search("x", field="a")


def test_what_a_test_wrote_is_removed_after_it(engine: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """The indexes of its prefix and their templates, and no others."""
    with own_indexes(engine) as kept:
        with own_indexes(engine) as own:
            for prefix in (kept, own):
                for name, value in prefix.env.items():
                    monkeypatch.setenv(name, value)
                SearchIndex("orders").put("1", {"a": "x"})
        with search.calls(engine.address, 10) as call:
            templates = [t["name"] for t in call("GET", "/_index_template")["index_templates"]]
            indexes = [i["index"] for i in call("GET", "/_cat/indices?format=json&h=index")]
        assert [f"{kept.env['SEARCH_PREFIX']}orders"] == [n for n in templates if n.endswith("-orders")]
        assert [f"{kept.env['SEARCH_PREFIX']}orders"] == [n for n in indexes if n.endswith("-orders")]
