"""The round trips that the kit makes by hand notice what is not right, and import no client library."""

from __future__ import annotations

import json
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pytest_labkit.services import dynamodb, redis


def served(server: socketserver.BaseServer) -> Iterator[int]:
    """The port of *server*, which runs meanwhile."""
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.server_address[1]  # type: ignore[misc]
    server.shutdown()
    server.server_close()


class FakeRedis(socketserver.StreamRequestHandler):
    """Says what it was told to say, whatever it is asked."""

    says = b""

    def handle(self) -> None:
        """One set of commands."""
        self.rfile.readline()
        self.wfile.write(self.says)


@pytest.fixture
def redis_says(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], str]]:
    """Makes a Redis say something; gives its URL."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), FakeRedis)
    ports = served(server)
    port = next(ports)

    def says(words: bytes) -> str:
        monkeypatch.setattr(FakeRedis, "says", words)
        return f"redis://127.0.0.1:{port}/0"

    yield says
    next(ports, None)


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        (b"-LOADING Redis is loading\r\n$-1\r\n:0\r\n", "Redis answered -LOADING Redis is loading"),
        (b"+OK\r\n$5\r\nother\r\n:1\r\n", "set b'works' and read b'other'"),
        (b"", "Redis answered $"),
    ],
)
def test_a_redis_that_does_not_keep_a_key_does_not_work(
    redis_says: Callable[[bytes], str], answers: bytes, problem: str
) -> None:
    """It loads still, gives back another value, or hangs up."""
    endpoint = redis.endpoint(redis_says(answers), backend="local", version="7")
    with pytest.raises(RuntimeError, match=problem):
        redis.probe(endpoint)


class FakeDynamoDB(BaseHTTPRequestHandler):
    """Answers every operation as it was told to."""

    answers: dict[str, tuple[int, dict[str, object]]] = {}  # noqa: RUF012 - set by the fixture

    def do_POST(self) -> None:
        """By the operation that the header names."""
        self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        status, body = self.answers.get(operation, (200, {}))
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({"PutItem": (500, {"message": "no luck"})}, "put_item: 500 no luck"),
        ({"PutItem": (400, {"__type": "com.example#Throttled"})}, "put_item: Throttled$"),
        (
            {"GetItem": (200, {"Item": {"id": {"S": "other"}}})},
            "put {'id': .* and read {'id': {'S': 'other'}}",
        ),
    ],
)
def test_a_dynamodb_that_does_not_keep_an_item_does_not_work(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, tuple[int, dict[str, object]]], problem: str
) -> None:
    """It fails, refuses, or gives back another item."""
    monkeypatch.setattr(FakeDynamoDB, "answers", answers)
    ports = served(ThreadingHTTPServer(("127.0.0.1", 0), FakeDynamoDB))
    endpoint = dynamodb.endpoint(f"http://127.0.0.1:{next(ports)}", backend="local", version="3")
    with pytest.raises(RuntimeError, match=problem):
        dynamodb.probe(endpoint)
    next(ports, None)


def test_no_client_library_is_imported_for_a_server_of_the_kit_s() -> None:
    """While servers start, every tenth of a second of a core counts."""
    program = (
        "import sys\n"
        "from pytest_labkit.services import works, dynamodb, redis\n"
        "works(redis.endpoint('redis://127.0.0.1:1/0', backend='local', version='7'))\n"
        "works(dynamodb.endpoint('http://127.0.0.1:1', backend='docker', version='3'))\n"
        "print({'boto3', 'botocore', 'redis', 'urllib3', 'confluent_kafka'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "set()\n" == said.stdout
