"""A stub needs no service: what nobody would use is neither fetched nor started."""

from __future__ import annotations

import os

import pytest

from tests.infrastructure.conftest import LAB_TOML, STORE, TESTS, Course, course  # noqa: F401 - a fixture

SAME = STORE.partition("def stored")[0]
STUB = f"{SAME}def stored(key, word):\n    raise NotImplementedError('TODO A2: store it')\n"
ASKS_FOR_REDIS = TESTS.replace("test_nothing(answers)", "test_nothing(answers, redis)")


@pytest.fixture
def stubs(request: pytest.FixtureRequest) -> Course:
    """A course whose A2 and A3 are a stub still."""
    made: Course = request.getfixturevalue("course")
    for title in ("stores", "stores more"):
        changed = (made.folder / "lab.toml").read_text() if title != "stores" else LAB_TOML
        made.write(
            "lab.toml",
            changed.replace(f'title = "{title}", ', f'title = "{title}", look_at = "store.py:stored", '),
        )
    made.write("store.py", STUB)
    return made


def without_servers(there: Course) -> dict[str, str]:
    """An environment in which no server can be had: nothing on the PATH, no cache, no network."""
    cache = str(there.root / "cache")
    return {
        **os.environ,
        "PATH": str(there.root),
        "JAVA_HOME": "",
        "LABKIT_CACHE": cache,
        "LABKIT_OFFLINE": "1",
    }


@pytest.mark.parametrize("backend", ["auto", "local", "docker", "external"])
def test_untouched_stubs_start_nothing(stubs: Course, backend: str) -> None:
    """Each is todo, with what to do, whatever the backend; nothing was started, nothing fetched."""
    environ = {**without_servers(stubs), "DOCKER_HOST": "unix:///nowhere.sock", "REDIS_URL": ""}
    code, said = stubs.run("--lab-backend", backend, environ=environ)
    assert 1 == code
    assert {"A1": "passed", "A2": "todo", "A3": "todo"} == stubs.verdicts
    assert {} == stubs.report["services"]
    message = stubs.report["criteria"][1]["message"]
    assert ("TODO A2: store it", "labs/tiny/store.py:9") == (message["got"], message["look_at"])
    assert "ready in" not in said
    assert not (stubs.root / "cache").exists()
    assert [] == stubs.left()


def test_a_service_that_another_test_uses_is_there_for_stubs_too(stubs: Course) -> None:
    """Then they run as they always did, up to the line that raises."""
    stubs.write("test_store.py", ASKS_FOR_REDIS.replace('stored("b", "more")', 'same("more")'))
    code, said = stubs.run()
    assert 1 == code
    assert {"A1": "passed", "A2": "todo", "A3": "passed"} == stubs.verdicts
    assert ["redis"] == list(stubs.report["services"])
    assert "redis 9." in said or "redis 7." in said or "redis 8." in said


def test_one_statement_more_than_the_stub_and_the_service_starts(stubs: Course) -> None:
    """The test is run then, and finds the NotImplementedError itself."""
    stubs.write("store.py", STUB.replace("    raise", "    word = word\n    raise"))
    code, _ = stubs.run()
    assert 1 == code
    assert {"A1": "passed", "A2": "todo", "A3": "todo"} == stubs.verdicts
    assert ["redis"] == list(stubs.report["services"])
