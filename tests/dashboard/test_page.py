"""`labkit dashboard` as it is used: served on this machine alone, and seen by a real browser."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright import sync_api

import pytest_labkit
from pytest_labkit import expect
from pytest_labkit.dashboard.child import Page
from pytest_labkit.systems.under_test import UnderTest
from tests.conftest import installed

ENVIRON = {**os.environ, "PYTHONPATH": str(Path(pytest_labkit.__file__).parents[1])}


def dashboard(root: Path, *arguments: str) -> subprocess.Popen[str]:
    """`labkit dashboard`, running in *root*."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest_labkit.cli", "dashboard", "--no-open", *arguments],
        cwd=root,
        env=ENVIRON,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Where it is served, in a course where nothing runs."""
    process = dashboard(tmp_path, "--port", "0")
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.terminate()
    process.communicate()


def test_it_is_served_on_this_machine_alone(url: str) -> None:
    """On 127.0.0.1, and nothing on it may come from elsewhere."""
    assert url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(url) as answer:
        page, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'")
    assert "http" not in page.replace("http-equiv", "")


def test_without_a_system_it_says_how_to_start_one(url: str) -> None:
    """As JSON there is none; the page knows the command."""
    with urllib.request.urlopen(f"{url}.json") as answer:
        assert json.load(answer)["runs"] is False
    with urllib.request.urlopen(url) as answer:
        assert "labkit up lab4 --chaos" in answer.read().decode()


def test_ctrl_c_ends_it_without_a_traceback(tmp_path: Path) -> None:
    """With the exit code of every command that is interrupted."""
    process = dashboard(tmp_path, "--port", "0")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert (2, False) == (process.returncode, "Traceback" in said)


def test_a_port_that_is_taken_is_one_plain_message(tmp_path: Path) -> None:
    """And wrong usage, by its exit code."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        _, said = dashboard(tmp_path, "--port", port).communicate(timeout=20)
    assert f"Port {port} of 127.0.0.1 cannot be had" in said
    assert "Traceback" not in said


def test_nobody_else_may_change_anything(url: str) -> None:
    """Neither a page of another site, which cannot send the header, nor one that DNS leads here."""
    there = url.replace("/health", "/programs/payment/kill")
    for headers in ({}, {"X-Labkit": "page", "Host": "evil.example"}):
        asked = urllib.request.Request(there, method="POST", headers=headers)
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(asked)


@pytest.mark.exhaustive
def test_a_program_is_killed_and_started_from_the_page(shop: UnderTest) -> None:
    """As the buttons do; its log can be read."""
    with Page(shop.file) as page:
        for do, expected in (("kill", False), ("start", True)):
            there = page.url.replace("/health", f"/programs/payment/{do}")
            asked = urllib.request.Request(there, method="POST", headers={"X-Labkit": "page"})
            assert 204 == urllib.request.urlopen(asked).status
            shop.catch_up()
            assert expected is shop.runs("payment")
        (log,) = [node["log"] for node in page.picture()["nodes"] if node["name"] == "payment"]
    assert any("payment serves on port" in line for line in log)


@pytest.mark.exhaustive
def test_its_clock_is_put_forward(shop: UnderTest) -> None:
    """So that a check need not wait for what alerts look back at; it goes on from there."""
    with Page(shop.file) as page:
        before = page.picture()["at"]
        for ahead in (600.0, 1200.0):
            page.put_forward(600.0)
            expect.eventually(True, lambda ahead=ahead: page.picture()["at"] >= before + ahead)
        assert before + 1200.0 + 60.0 > page.picture()["at"]


@pytest.mark.exhaustive
def test_a_browser_shows_payment_red_and_green_again(shop: UnderTest) -> None:
    """Within two seconds of its death, and after it is back."""
    chromium = installed("chromium", "chromium-browser", "google-chrome")
    with Page(shop.file) as page, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        wrong: list[str] = []
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.goto(page.url, wait_until="domcontentloaded")
        tab.wait_for_selector("[data-name=payment][data-look=good]", timeout=10_000)
        assert "Breakers" == tab.inner_text(".gauge h2")  # as system.toml has it
        assert "Requests and messages a second" == tab.inner_text("#rates-box h2")
        killed = time.monotonic()
        shop.member("payment").kill()
        tab.wait_for_selector("[data-name=payment][data-look=bad]", timeout=10_000)
        assert 2.0 > time.monotonic() - killed
        assert "✕ payment down" == tab.inner_text("#overall")
        tab.click("[data-program=payment] button")  # it says Start
        tab.wait_for_selector("[data-name=payment][data-look=good]", timeout=20_000)
        tab.wait_for_selector("[data-name=order][data-look=good]", timeout=20_000)
        assert ("✓ All is well", []) == (tab.inner_text("#overall"), wrong)
        browser.close()
