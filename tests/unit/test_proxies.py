"""A proxy in the environment does not take along what goes to this machine, whatever asks for it."""

from __future__ import annotations

import asyncio
import os
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pytest_labkit.host.proxies import past_proxies

REPLY = b'{"TableNames": ["here"]}'
NOBODY = "http://127.0.0.1:9"
SPELLINGS = ["HTTP_PROXY", "http_proxy", "Http_Proxy", "ALL_PROXY", "all_proxy"]
LOOPBACK = "localhost,127.0.0.1,::1"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy but the test's."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def port() -> Iterator[int]:
    """A server here that says "here" to everything."""

    class Here(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(REPLY)))
            self.end_headers()
            self.wfile.write(REPLY)

        do_POST = do_GET  # noqa: N815 - the name is http.server's

        def log_message(self, *args: object) -> None:
            """Not on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Here) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def by_urllib(url: str) -> str:
    opener = urllib.request.build_opener()  # `urlopen` keeps the proxies that its first call found
    with opener.open(url, timeout=5) as reply:
        return str(reply.read().decode())


def by_requests(url: str) -> str:
    import requests

    return requests.get(url, timeout=5).text


def by_aiohttp(url: str) -> str:
    import aiohttp

    async def get() -> str:
        async with aiohttp.ClientSession(trust_env=True) as session, session.get(url) as reply:
            return await reply.text()

    return asyncio.run(get())


def by_httpx(url: str) -> str:
    import httpx

    return str(httpx.get(url, timeout=5).text)


def by_boto3(url: str) -> str:
    import boto3

    client = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    try:
        return str(client.list_tables()["TableNames"])
    finally:
        client.close()


def by_opensearch(url: str) -> str:
    from opensearchpy import OpenSearch, RequestsHttpConnection

    client = OpenSearch(url, connection_class=RequestsHttpConnection)
    return str(client.transport.perform_request("GET", "/"))


CLIENTS = {
    name.removeprefix("by_"): client for name, client in dict(globals()).items() if name.startswith("by_")
}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", CLIENTS)
def test_this_machine_is_reached_without_the_proxy(
    name: str, spelling: str, host: str, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every client reaches it, however the variable of the proxy is written."""
    monkeypatch.setenv(spelling, NOBODY)
    undo = past_proxies(os.environ)
    try:
        assert "here" in CLIENTS[name](f"http://{host}:{port}/")
    finally:
        undo()


@pytest.mark.parametrize("name", ["urllib", "requests", "boto3"])
def test_without_it_the_proxy_is_asked(name: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this is good for: the clients take the proxy for this machine too."""
    monkeypatch.setenv("http_proxy", NOBODY)
    with pytest.raises(Exception, match=r"(?i)refused|proxy"):
        CLIENTS[name](f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({}, LOOPBACK),
        ({"NO_PROXY": "corp.example"}, f"corp.example,{LOOPBACK}"),
        ({"no_proxy": ".corp.example, 10.0.0.0/8"}, f".corp.example,10.0.0.0/8,{LOOPBACK}"),
        ({"No_Proxy": "corp.example"}, f"corp.example,{LOOPBACK}"),
        ({"NO_PROXY": "127.0.0.1"}, "127.0.0.1,localhost,::1"),
        ({"no_proxy": "*"}, "*"),
        ({"no_proxy": ""}, LOOPBACK),
    ],
)
def test_what_the_user_has_no_proxy_for_stays(given: dict[str, str], made: str) -> None:
    """This machine is added, in both spellings, and taken out again."""
    environ = {"https_proxy": NOBODY, **given}
    before = dict(environ)
    undo = past_proxies(environ)
    assert (made, made) == (environ["no_proxy"], environ["NO_PROXY"])
    assert NOBODY == environ["https_proxy"]
    undo()
    assert before == environ


@pytest.mark.parametrize("environ", [{}, {"HTTP_PROXY": ""}, {"NO_PROXY": "corp.example"}])
def test_without_a_proxy_nothing_is_set(environ: dict[str, str]) -> None:
    """An environment without a proxy stays as it is."""
    before = dict(environ)
    past_proxies(environ)
    assert before == environ
