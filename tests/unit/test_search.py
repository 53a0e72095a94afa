"""Talking to a search engine by hand: what proves that one works, what it says it is, what is removed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pytest_labkit.services import search
from pytest_labkit.services.search import ENGINES

OPENSEARCH = {"version": {"number": "3.9.0", "distribution": "opensearch"}}
ELASTICSEARCH = {"version": {"number": "7.17.29"}}


class FakeEngine(BaseHTTPRequestHandler):
    """Answers as it was told to by method, and by the first part of the path where that is given."""

    answers: dict[str, tuple[int, object]] = {}  # noqa: RUF012 - set by the tests
    asked: list[tuple[str, str, str | None]] = []  # noqa: RUF012

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append((self.command, self.path, self.headers.get("Authorization")))
        path = f"{self.command} {self.path.partition('?')[0]}"
        status, said = self.answers.get(path) or self.answers.get(self.command, (200, {}))
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - so they have to be called

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where the fake listens; it answers 200 with nothing in it."""
    monkeypatch.setattr(FakeEngine, "answers", {})
    monkeypatch.setattr(FakeEngine, "asked", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeEngine) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server.server_port
        server.shutdown()


def endpoint(url: str) -> search.Endpoint:
    """The endpoint of an engine that is to be OpenSearch."""
    return search.endpoint(url, backend="external", engine="opensearch", version="unknown")


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({"PUT": (503, {"error": "no primary"})}, r"PUT /labkit-probe/_doc/\w+.*: 503 .*no primary"),
        ({"POST": (200, {"hits": {"hits": []}})}, r"wrote \w+ and found \[\]"),
        ({"POST": (200, {"hits": {"hits": [{"_id": "other"}]}})}, r"wrote \w+ and found \[.*other"),
    ],
)
def test_an_engine_that_does_not_find_a_document_does_not_work(
    port: int, monkeypatch: pytest.MonkeyPatch, answers: dict[str, tuple[int, object]], problem: str
) -> None:
    """It refuses, finds nothing, or finds another."""
    monkeypatch.setattr(FakeEngine, "answers", answers)
    with pytest.raises(RuntimeError, match=problem):
        search.probe(endpoint(f"http://127.0.0.1:{port}"))


@pytest.mark.parametrize(
    ("said", "engine", "version"),
    [(OPENSEARCH, "opensearch", "3.9.0"), (ELASTICSEARCH, "elasticsearch", "7.17.29")],
)
def test_an_engine_says_which_it_is(
    port: int, monkeypatch: pytest.MonkeyPatch, said: object, engine: str, version: str
) -> None:
    """Whichever it was taken for."""
    monkeypatch.setattr(FakeEngine, "answers", {"GET": (200, said)})
    found = search.identified(endpoint(f"http://127.0.0.1:{port}"))
    assert (engine, version) == (found.env["SEARCH_ENGINE"], found.version)


def test_a_password_and_a_path_in_the_url_are_used(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As managed engines have them."""
    monkeypatch.setattr(FakeEngine, "answers", {"GET": (200, OPENSEARCH)})
    search.identified(endpoint(f"http://me:a%40b@127.0.0.1:{port}/es/"))
    assert [("GET", "/es/", "Basic bWU6YUBi")] == FakeEngine.asked


def test_only_what_has_the_prefix_is_removed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By full names: an engine may forbid that a star removes anything."""
    templates = {"index_templates": [{"name": "mine-a"}, {"name": "logs"}]}
    answers = {
        "GET /_cat/indices/mine-*": (200, [{"index": "mine-a"}, {"index": "mine-b"}]),
        "GET /_index_template": (200, templates),
    }
    monkeypatch.setattr(FakeEngine, "answers", answers)
    search.remove(endpoint(f"http://127.0.0.1:{port}"), "mine-")
    removed = [path for method, path, _ in FakeEngine.asked if method == "DELETE"]
    assert [
        "/mine-a?ignore_unavailable=true",
        "/mine-b?ignore_unavailable=true",
        "/_index_template/mine-a",
    ] == removed


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_an_engine_listens_on_loopback_and_writes_into_its_folder_only(
    tmp_path: Path, engine: search.Engine
) -> None:
    """Its configuration, and the options of its JVM, name nothing else."""
    jar = tmp_path / "netty-x.jar"
    jar.touch()
    home = tmp_path / "home"
    search.prepare(home, engine, http=20001, transport=20002, module=[jar])
    lines = (home / "config" / f"{engine.name}.yml").read_text().split("\n")
    assert {"network.host: 127.0.0.1", "http.port: 20001", "transport.port: 20002"} <= set(lines)
    assert {f"path.data: {home}/data", f"path.logs: {home}/logs"} <= set(lines)
    assert (home / "modules" / "transport-netty4" / "netty-x.jar").is_file()
    options = search.options(engine, home, class_path="a.jar")
    assert {f"-Djava.io.tmpdir={home}/tmp", f"-D{engine.property_}.path.home={home}"} <= set(options)
    assert ["-cp", "a.jar", engine.main_class] == options[-3:]
