"""A search engine that cannot be had costs exactly the tests that use it; who does not use it never waits."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_labkit.domain.errors import ServiceFailed, UsageProblem
from pytest_labkit.host import concurrently, settings
from pytest_labkit.services import Services, local, redis
from tests.infrastructure.conftest import LAB_TOML, STORE, Course

TESTS = '''
import pytest
from pytest_labkit import expect

@pytest.mark.criterion("A1")
def test_nothing(answers, redis):
    """A word is given back."""
    expect.equal("word", answers.store.same("word"))

@pytest.mark.criterion("A2")
def test_store(answers, redis, search):
    """A stored word is found."""
    expect.equal("word", answers.store.stored("a", "word"))

@pytest.mark.criterion("A3")
def test_more(answers, redis):
    """Another word is found."""
    expect.equal("more", answers.store.stored("b", "more"))
'''

SAME = STORE.partition("def stored")[0]
RAISES = "    raise NotImplementedError('TODO A2: find it')\n"
STUB = f"{SAME}def stored(key, word):\n{RAISES}"
BEGUN = f"{SAME}def stored(key, word):\n    if key == 'b':\n        return word\n{RAISES}"


@pytest.fixture
def searching(course: Course) -> Course:
    """A course with a criterion that searches, A2, between two that do not."""
    toml = LAB_TOML.replace('title = "stores", ', 'title = "stores", look_at = "store.py:stored", ')
    course.write("lab.toml", toml)
    course.write("test_store.py", TESTS)
    return course


def without_jars(course: Course) -> dict[str, str]:
    """An environment in which nothing was downloaded, and nothing can be."""
    return {**os.environ, "LABKIT_CACHE": str(course.root / "cache"), "LABKIT_OFFLINE": "1"}


@pytest.mark.parametrize("door", ["direct", "process"])
def test_f15_search_that_was_never_downloaded(searching: Course, door: str) -> None:
    """Exactly its criterion is unknown, and says what is missing and how to get it; the others stand."""
    code, said = searching.run("--lab-door", door, environ=without_jars(searching))
    assert 20 == code
    assert {"A1": "passed", "A2": "unknown", "A3": "passed"} == searching.verdicts
    got = searching.report["criteria"][1]["message"]["got"]
    assert got.startswith("OpenSearch 3.9.0 is not all in ")
    assert (
        "Unset LABKIT_OFFLINE and run once with a network, or use --lab-backend docker or external." in said
    )
    assert "your work is not graded down" in said
    assert "Traceback" not in said
    assert [] == searching.left()


def test_search_without_a_java_that_fits(searching: Course) -> None:
    """The message names the versions that would do, and where they are looked for."""
    path = str(_only("redis-server", searching.root / "bin"))
    environ = {**os.environ, "LABKIT_SEARCH": "elasticsearch", "JAVA_HOME": "", "PATH": path}
    code, said = searching.run(environ=environ)
    assert 20 == code
    assert {"A1": "passed", "A2": "unknown", "A3": "passed"} == searching.verdicts
    assert "There is no Java 17 to 23 on this machine" in searching.report["criteria"][1]["message"]["got"]
    assert "labkit doctor" in said


def test_search_that_external_does_not_name(searching: Course, tmp_path: Path) -> None:
    """The other services are given, so their criteria stand."""
    given = local.start("redis", settings.resolve(tmp_path))
    try:
        environ = {**os.environ, **given.endpoint.env}
        code, said = searching.run("--lab-backend", "external", environ=environ)
    finally:
        given.stop()
    assert 20 == code
    assert {"A1": "passed", "A2": "unknown", "A3": "passed"} == searching.verdicts
    assert "the environment variable OPENSEARCH_URL is not set" in said
    assert "OPENSEARCH_URL=http://127.0.0.1:9200" in said


def test_a_run_that_does_not_search_has_nothing_to_do_with_it(searching: Course) -> None:
    """It is neither started nor downloaded for a selection without it."""
    code, said = searching.run(
        "--lab-criterion", "A1", "--lab-criterion", "A3", environ=without_jars(searching)
    )
    assert 22 == code
    assert {"A1": "passed", "A2": "unknown", "A3": "passed"} == searching.verdicts
    assert "OpenSearch" not in said
    assert not (searching.root / "cache").exists()


def test_a_stub_is_todo_before_search_is_there(searching: Course) -> None:
    """What would not be called is not waited for: a student's first run downloads nothing for it."""
    searching.write("store.py", STUB)
    searching.write("test_store.py", TESTS.replace('answers.store.stored("b", "more")', '"more"'))
    code, _ = searching.run(environ=without_jars(searching))
    assert 1 == code
    assert {"A1": "passed", "A2": "todo", "A3": "passed"} == searching.verdicts
    message = searching.report["criteria"][1]["message"]
    assert ("TODO A2: find it", "labs/tiny/store.py:9") == (message["got"], message["look_at"])
    assert not (searching.root / "cache").exists()


def test_a_begun_answer_waits_for_search(searching: Course) -> None:
    """One statement more than the stub, and the engine is asked for."""
    searching.write("store.py", BEGUN)
    code, _ = searching.run(environ=without_jars(searching))
    assert 20 == code
    assert "unknown" == searching.verdicts["A2"]


@pytest.fixture
def broken_java(tmp_path: Path) -> dict[str, str]:
    """An environment whose Java 17 says something and ends with status 3."""
    home = tmp_path / "jdk"
    (home / "bin").mkdir(parents=True)
    (home / "release").write_text('JAVA_VERSION="17.0.15"\n')
    (home / "bin" / "java").write_text("#!/bin/sh\necho no memory left\nexit 3\n")
    (home / "bin" / "java").chmod(0o755)
    return {**os.environ, "LABKIT_SEARCH": "elasticsearch", "JAVA_HOME": str(home)}


def test_search_whose_start_fails_fails_alone(tmp_path: Path, broken_java: dict[str, str]) -> None:
    """As often as it is asked for, and started no more often; the others start and go on."""
    said: list[str] = []
    made = settings.resolve(tmp_path, options={"backend": "local"}, environ=broken_java)
    with Services(made, said.append) as services:
        for _ in range(2):
            with pytest.raises(
                ServiceFailed, match=r"search is not ready[\s\S]*exit status 3[\s\S]*no memory left"
            ):
                services.start(["redis", "search"])
        assert services.healthy("redis")
        assert not services.healthy("search")
    assert 1 == sum("Starting search once more, on another port." in line for line in said)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Every start of search waits until what this gives is called; then a Redis comes, under its name."""
    gate = threading.Event()
    start = local.start

    def waiting(service: str, *args: object, **options: object) -> object:
        if service == "search":
            assert gate.wait(60)
        return start("redis", *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(local, "start", waiting)
    monkeypatch.setattr(local, "available", lambda *_: None)
    return gate.set


def test_nobody_waits_for_search_but_who_asks(tmp_path: Path, slow: Callable[[], None]) -> None:
    """Others are had meanwhile."""
    with Services(settings.resolve(tmp_path, options={"backend": "local"})) as services:
        services.begin(["search"])
        assert "redis" == services.endpoint("redis").service
        waiting = concurrently.begin(lambda: services.endpoint("search"))
        assert not waiting.done()
        slow()
        assert waiting.result(60).address
        services.settle()


def test_a_run_that_ends_first_leaves_none(tmp_path: Path, slow: Callable[[], None]) -> None:
    """Search that comes up after its run has ended is stopped at once."""
    made = settings.resolve(tmp_path, options={"backend": "local"})
    with Services(made) as services:
        services.begin(["search"])
    assert [] == services.close()
    slow()
    services.settle()
    assert [] == list((tmp_path / ".labkit" / "run").glob("[!.]*.json"))


def test_an_engine_that_there_is_not_is_a_wrong_usage(tmp_path: Path) -> None:
    """LABKIT_SEARCH has two values."""
    with pytest.raises(
        UsageProblem, match=r"LABKIT_SEARCH is 'solr'\.\nIt must be one of opensearch, elasticsearch\."
    ):
        settings.resolve(tmp_path, environ={"LABKIT_SEARCH": "solr"})


def _only(program: str, folder: Path) -> Path:
    """A folder for PATH in which there is nothing but this program."""
    folder.mkdir()
    (folder / program).symlink_to(redis.find_server(os.environ))
    assert shutil.which("java", path=str(folder)) is None
    return folder
