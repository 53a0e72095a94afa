"""Don't change this file: the page /health, as the checks of part C read it."""

from __future__ import annotations

from typing import Any

from pytest_labkit import expect
from pytest_labkit.dashboard.child import Page

SCRAPE_S = 15.0
"""Between two looks, while the page's clock is put forward: what C2's rules are made for."""


class Shown:
    """What the page shows now."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def down(self) -> list[str]:
        """Which services it shows as down."""
        return [node["name"] for node in self._now()["nodes"] if not node["ok"]]

    def breakers(self) -> dict[str, str]:
        """The state of each breaker that it shows."""
        shown = {gauge["title"]: gauge["values"] for gauge in self._now()["gauges"]}
        return {breaker["name"]: breaker["value"] for breaker in shown.get("Breakers", ())}

    def alerts(self) -> set[str]:
        """The names of the alerts that it shows, pending or firing."""
        return {alert["name"] for alert in self._now()["alerts"]}

    def goes_on(self, seconds: float) -> None:
        """Put its clock forward by *seconds*, in steps of `SCRAPE_S`; in each it asks the services anew."""
        for _ in range(int(seconds / SCRAPE_S)):
            then = self._now()["at"] + SCRAPE_S
            self._page.put_forward(SCRAPE_S)
            expect.eventually(True, lambda then=then: self._now()["at"] >= then)

    def _now(self) -> dict[str, Any]:
        return self._page.picture()
