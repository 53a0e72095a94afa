"""
How smoothly the simulator's page draws 1,000 messages a second: python benchmarks/simulator_frames.py

The time between two frames of a headless Chromium while the model answer sends, beside that of the same page
while nothing is sent. Needs chromium; starts the services that it needs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
LIMIT_MS = 100.0

WATCH = """(seconds) => new Promise((done) => {
  const gaps = [];
  let last = performance.now();
  const end = last + 1000 * seconds;
  const frame = (now) => {
    gaps.push(now - last);
    last = now;
    if (now < end) requestAnimationFrame(frame); else done(gaps.slice(1));
  };
  requestAnimationFrame(frame);
})"""


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=1000)
    asked = parser.parse_args()
    command = [sys.executable, "-m", "pytest_labkit.cli", "simulator", "--solution", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = next(line.strip() for line in process.stdout if line.startswith("http"))
            print(json.dumps(measured(url, asked.seconds, asked.rate), indent=2))
        finally:
            process.terminate()


def measured(url: str, seconds: float, rate: int) -> dict[str, Any]:
    """What was seen of frames at rest, and while so many messages a second come."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1400, "height": 1000})
        tab.goto(url)
        tab.wait_for_selector("#start")
        at_rest = frames(tab, seconds)
        tab.fill("#rate", str(rate))
        tab.press("#rate", "Tab")
        tab.select_option("#strategy", "key_hash")
        tab.click("#start")
        tab.wait_for_timeout(4_000)
        before = stored(tab)
        under_load = frames(tab, seconds)
        came = (stored(tab) - before) / seconds
        browser.close()
    return {"records_per_s": round(came), "at_rest": at_rest, "under_load": under_load, "limit_ms": LIMIT_MS}


def frames(tab: Page, seconds: float) -> dict[str, float]:
    """The time from one frame to the next, in ms."""
    gaps = sorted(tab.evaluate(WATCH, seconds))
    return {
        "frames": len(gaps),
        "median_ms": round(gaps[len(gaps) // 2], 1),
        "p99_ms": round(gaps[int(0.99 * len(gaps))], 1),
        "longest_ms": round(gaps[-1], 1),
        "over_limit": sum(gap > LIMIT_MS for gap in gaps),
    }


def stored(tab: Page) -> int:
    """How many records the page has counted."""
    return int(tab.inner_text("#stored"))


if __name__ == "__main__":
    main()
