"""The simulator, as `labkit simulator` puts it together, on services of its own."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright import sync_api

from pytest_labkit.host import settings
from pytest_labkit.simulator import server
from pytest_labkit.simulator.cast import Cast, playable
from pytest_labkit.simulator.player import HANGS_S
from pytest_labkit.simulator.stage import Stage
from tests.conftest import installed

WAIT_S = 60.0  # on a machine that does much else
ROOT = Path(__file__).parents[2]


def cast(*answers: Path) -> Cast:
    """Who plays: the answers in these folders, the model's where they have none."""
    folders = tuple(map(str, (*answers, ROOT / "solutions")))
    chosen = settings.resolve(ROOT, options={"answers": folders, "seed": "4711", "backend": "local"})
    return Cast(playable(ROOT), chosen, lambda _line: None)


@contextmanager
def served(stage: Stage) -> Iterator[str]:
    """The address of the page of *stage*, with its token."""
    told: queue.Queue[str] = queue.Queue()
    over = threading.Event()

    async def serve() -> None:
        serving = asyncio.create_task(server.serve(stage, (0,), told.put))
        await asyncio.wait(
            [serving, asyncio.create_task(asyncio.to_thread(over.wait))], return_when="FIRST_COMPLETED"
        )
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        yield told.get(timeout=10)
    finally:
        over.set()
        thread.join(10)
        stage.close()


@pytest.fixture(scope="module")
def model() -> Iterator[Cast]:
    """The model answer, and the services that it needs."""
    with cast() as players:
        yield players


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    """A real browser, without a window."""
    chromium = installed("chromium", "chromium-browser", "google-chrome")
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield made
        made.close()


STATE = "document.getElementById('state').innerText"
"""An expression of JavaScript: what the page says that the run is doing."""


class Page:
    """The simulator's page in a browser, and what went wrong in it."""

    def __init__(self, browser: sync_api.Browser, url: str) -> None:
        self.tab = browser.new_page(viewport={"width": 1400, "height": 1000})
        self.tab.set_default_timeout(1000 * WAIT_S)
        self.wrong: list[str] = []
        self.tab.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.tab.on("console", lambda said: said.type == "error" and self.wrong.append(said.text))
        self.tab.goto(url)
        self.tab.wait_for_selector("#start")

    def choose(self, *modes: str, **fields: object) -> None:
        """Fill in the form; the modes that are named are chosen, and no others."""
        for name, value in fields.items():
            if name == "strategy":
                self.tab.select_option("#strategy", str(value))
            else:
                self.tab.fill(f"#{name}", str(value))
                self.tab.press(f"#{name}", "Tab")
        for box in self.tab.query_selector_all("[id^=mode-]"):
            box.set_checked((box.get_attribute("id") or "").removeprefix("mode-") in modes)

    def open(self, text: str) -> None:
        """Give it *text* as the file of a run."""
        self.tab.set_input_files(
            "#open", {"name": "run.json", "mimeType": "application/json", "buffer": text.encode()}
        )

    def number(self, selector: str) -> int:
        """The number that is read there."""
        return int(self.tab.inner_text(selector))

    def count(self, mode: str, of: str) -> int:
        """A figure of a delivery mode."""
        return self.number(f"[data-mode={mode}] [data-of={of}]")

    def sent(self, producer: int, of: str = "sent") -> int:
        """A figure of a producer."""
        return self.number(f"[data-producer='{producer}'] [data-of={of}]")

    def wait(self, condition: str) -> None:
        """Until *condition*, an expression of JavaScript, is true. (The page's own policy forbids `eval`.)"""
        until = time.monotonic() + WAIT_S
        asked = f"(() => {{ try {{ return {condition} }} catch {{ return false }} }})()"  # not drawn yet
        while not self.tab.evaluate(asked):
            assert time.monotonic() < until, (
                f"not within {WAIT_S:g} s: {condition}\n{self.tab.inner_text('body')}"
            )
            self.tab.wait_for_timeout(50)

    def reset(self) -> None:
        """Clear the run, and wait until the next may be chosen."""
        self.tab.click("#reset")
        self.wait(f"{STATE} === 'Ready'")

    def wait_for_records(self, many: int) -> None:
        """Until so many lie in the topic."""
        self.wait(f"Number(document.getElementById('stored').innerText) >= {many}")

    def said(self) -> str:
        """What the log says of all but messages."""
        self.tab.uncheck("#log-messages")
        self.tab.wait_for_timeout(400)
        return self.tab.inner_text("#log")


@pytest.fixture
def page(model: Cast, browser: sync_api.Browser) -> Iterator[Page]:
    """The page of the model answer."""
    with served(Stage(model)) as url:
        opened = Page(browser, url)
        yield opened
        opened.tab.close()


@contextmanager
def page_of(browser: sync_api.Browser, players: Cast, hangs_s: float = HANGS_S) -> Iterator[Page]:
    """The page of *players*."""
    with served(Stage(players, hangs_s)) as url:
        opened = Page(browser, url)
        yield opened
        opened.tab.close()
