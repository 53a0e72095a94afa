"""Who may look at the page and press its buttons: who has the token, here, from the page itself."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

import pytest_labkit
from pytest_labkit.simulator.stage import Stage
from tests.simulator.conftest import ROOT, cast, served

TOKEN = re.compile(r"\?token=[\w-]{20,}$")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address that is printed; nothing of the services is needed to be turned away."""
    with served(Stage(cast())) as url:
        yield url


def answer(url: str, **headers: str) -> tuple[int, str]:
    """Status and text of what comes from there, without cookies."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_the_address_has_a_token(url: str) -> None:
    """One that cannot be guessed; it leads to this machine."""
    assert url.startswith("http://localhost:")
    assert TOKEN.search(url)


def test_without_the_token_nothing_is_shown(url: str) -> None:
    """No page, no script, no run, no WebSocket."""
    bare = TOKEN.sub("", url)
    for path in ("", "/simulator.js", "/run.json", "/run.svg", "/live", "/analysis", "/code/producers.py"):
        status, said = answer(bare + path)
        assert (403, True) == (status, "it has a token in it" in said), path


def test_a_token_that_is_wrong_is_none(url: str) -> None:
    """As no token."""
    assert 403 == answer(TOKEN.sub("?token=guessed", url))[0]


def test_the_token_becomes_a_cookie_of_this_page_alone(url: str) -> None:
    """It is gone from the address; other sites cannot send it, and scripts cannot read it."""
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    with opener.open(url) as found:
        assert TOKEN.sub("", url) == found.url
        assert "<title>Simulator</title>" in found.read().decode()
    (cookie,) = jar
    assert ("/simulator", "Strict", True) == (
        cookie.path,
        cookie.get_nonstandard_attr("SameSite"),
        cookie.has_nonstandard_attr("HttpOnly"),
    )


def test_a_cookie_of_another_run_is_in_nobodys_way(url: str) -> None:
    """The simulator that had this port before has left one in the browser; the new address wins."""
    port = url.split(":")[2].split("/")[0]
    assert 200 == answer(url.replace("?", "/simulator.js?"), Cookie=f"labkit-simulator-{port}=old")[0]


def test_another_name_of_this_machine_is_no_name(url: str) -> None:
    """A trick of DNS leads here, and no further."""
    port = url.split(":")[2].split("/")[0]
    for host in ("evil.example", f"evil.example:{port}", f"localhost.evil.example:{port}"):
        assert (403, "ask for 127.0.0.1") == answer(url, Host=host)


@pytest.mark.parametrize("path", ["/run.json", "/live", "/analysis"])
def test_a_page_of_another_site_is_turned_away(url: str, path: str) -> None:
    """Though it would have the token."""
    bare, token = url.split("?")
    said = answer(f"{bare}{path}?{token}", Origin="http://evil.example")
    assert (403, "only the page itself may ask for that") == said


def test_a_socket_has_to_say_whose_page_it_is(url: str) -> None:
    """A browser always says that."""
    bare, token = url.split("?")
    said = answer(f"{bare}/live?{token}", Upgrade="websocket", Connection="Upgrade")
    assert (403, "only the page itself may ask for that") == said


def test_nothing_may_come_from_elsewhere(url: str) -> None:
    """No script inside the page either."""
    bare, token = url.split("?")
    with urllib.request.urlopen(f"{bare}/simulator.js?{token}") as found:
        assert found.headers["Content-Security-Policy"].startswith("default-src 'self'")
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    page = opener.open(url).read().decode()
    assert not re.search(r"<script(?![^>]*src=)|<style| style=| on\w+=", page)


def labkit(*arguments: str, cwd: Path = ROOT) -> subprocess.Popen[str]:
    """The command, running."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest_labkit.cli", "simulator", *arguments],
        cwd=cwd,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(pytest_labkit.__file__).parents[1]),
            "LABKIT_BACKEND": "local",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_where_there_is_nothing_to_play_it_says_so(tmp_path: Path) -> None:
    """In one sentence, with the exit code of wrong usage."""
    _, said = (process := labkit(cwd=tmp_path)).communicate(timeout=30)
    assert (4, True) == (process.returncode, "there is nothing to simulate" in said)
    assert "Traceback" not in said


@pytest.mark.exhaustive
def test_a_port_that_is_taken_is_said_and_another_one_is_had() -> None:
    """8080 is; Ctrl-C ends it, services included."""
    try:
        taken = socket.create_server(("127.0.0.1", 8080))
    except OSError:
        pytest.skip("somebody has 8080 already")
    with taken:
        process = labkit("--solution", "--seed", "11")
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert "the model answer plays, with the seed 11." in lines[0]
    assert "Port 8080 of 127.0.0.1 cannot be had" in lines[1]
    assert re.match(r"http://localhost:\d+/simulator\?token=", lines[2])
    assert (2, False) == (process.returncode, "Traceback" in said)
