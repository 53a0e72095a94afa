"""A repository on loopback to download from, with faults."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pytest_labkit.services.transfer import Artifact

CONTENT = bytes(range(256)) * 4096  # 1 MiB


@dataclass
class Repository:
    """A repository or registry on loopback: its files, what was asked for, and faults to commit."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: list[str | None] = field(default_factory=list)
    cut_after: list[int] = field(default_factory=list)  # the next answers break off after so many bytes
    statuses: list[int] = field(default_factory=list)  # the next answers have these
    understands_ranges: bool = True
    url: str = ""

    def artifact(self, path: str, content: bytes = CONTENT) -> Artifact:
        """A file that the repository has, pinned by the sum of its content."""
        self.files[path] = content
        return Artifact(path, hashlib.sha256(content).hexdigest())


@contextmanager
def served() -> Iterator[Repository]:
    """A repository that serves its files over HTTP meanwhile."""
    repository = Repository()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers["Range"]
            repository.ranges.append(asked)
            content = repository.files.get(self.path.lstrip("/"))
            if content is None or repository.statuses:
                self.send_error(repository.statuses.pop(0) if repository.statuses else 404)
                return
            start = (
                int(asked.removeprefix("bytes=").rstrip("-"))
                if asked and repository.understands_ranges
                else 0
            )
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            stop = start + repository.cut_after.pop(0) if repository.cut_after else None
            self.wfile.write(content[start:stop])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    repository.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield repository
    server.shutdown()
    server.server_close()
