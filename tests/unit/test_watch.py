"""What is seen of a system's programs, by the queries of its plan."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pytest_labkit.monitoring import Seen, Watch
from pytest_labkit.monitoring.series import labels
from pytest_labkit.systems.plan import Plan

LEVEL = {"title": "Levels", "query": "level == 1", "label": "tank", "value": "at"}


class Pump(BaseHTTPRequestHandler):
    """A program that is well, and has no metrics."""

    def do_GET(self) -> None:
        """Its health, whatever is asked."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"dependencies": {}}' if self.path == "/health" else b"")

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where the pump serves."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pump)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def seen(url: str = "http://127.0.0.1:1", **plan: Any) -> Seen:
    """What is seen of the program at *url*, and of metrics that were scraped before."""
    made = Plan(package="x", programs=(), **plan)
    watch = Watch({"pump": url}, made, clock=lambda: 20.0)
    full, empty = (labels("level", {"tank": "north", "at": at}) for at in ("full", "empty"))
    done = labels("done_total", {"job": "pump"})
    watch.history.add(10.0, "another", {full: 0.0, empty: 1.0, done: 0.0})
    watch.history.add(20.0, "another", {full: 1.0, empty: 0.0, done: 100.0})
    return watch.scrape()


def test_a_gauge_shows_two_labels_of_each_series() -> None:
    """Of those that its query gives now."""
    assert {"Levels": {"north": "full"}} == seen(gauges=(LEVEL,)).gauges


def test_the_rate_is_what_the_query_gives_for_the_job(url: str) -> None:
    """By the name of the program; without a query it is 0, and for one that does not answer."""
    rate = {"title": "Done a second", "query": "sum by (job) (done_total) / 10"}
    assert 10.0 == seen(url, rate=rate).program("pump").rate
    assert 0.0 == seen(url).program("pump").rate
    assert 0.0 == seen(rate=rate).program("pump").rate


def test_a_wrong_query_is_told_and_shows_nothing() -> None:
    """One that is no PromQL, and one that the kit does not know."""
    for query, said in (("level ==", "level ==: "), ("topk(1, level)", "cannot evaluate")):
        found = seen(gauges=({**LEVEL, "query": query},))
        assert {"Levels": {}} == found.gauges
        assert said in (found.problem or "")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            "{alert: A, expr: 'abs({tank=\"north\"})'}",
            "A: vector cannot contain metrics with the same labelset",
        ),
        ("{alert: A, expr: 'topk(1, level)'}", "The kit cannot evaluate the aggregation topk"),
        (
            "{alert: A, expr: level, annotations: {summary: '{{ externalURL }}'}}",
            "a template with externalURL",
        ),
    ],
)
def test_a_rule_that_cannot_be_evaluated_is_told(rule: str, said: str, tmp_path: Path) -> None:
    """In place of the alerts; all else is shown."""
    file = tmp_path / "alerts.yaml"
    file.write_text(f"groups: [{{name: g, rules: [{rule}]}}]")
    watch = Watch({}, Plan(package="x", programs=()), file, clock=lambda: 20.0)
    watch.history.add(20.0, "another", {labels(name, {"tank": "north"}): 1.0 for name in ("level", "depth")})
    found = watch.scrape()
    assert () == found.alerts
    assert said in str(found.problem)


def test_a_query_that_prometheus_cannot_evaluate_is_told() -> None:
    """As one that is wrong is."""
    found = seen(gauges=({**LEVEL, "query": "level * on () level"},))
    assert {"Levels": {}} == found.gauges
    assert "many-to-many matching not allowed" in str(found.problem)
