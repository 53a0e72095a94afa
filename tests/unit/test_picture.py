"""What the page /health shows."""

from __future__ import annotations

from typing import Any

from pytest_labkit.dashboard import picture
from pytest_labkit.monitoring.alerts import Alert
from pytest_labkit.monitoring.watch import Program, Seen

CALLS = {"order": ["payment", "redis"], "payment": ["redis"], "notification": ["redis"]}


def drawn(**reaches: dict[str, bool] | None) -> dict[str, dict[str, Any]]:
    """The nodes of a picture, by name; what each program reaches, `None` if it does not answer."""
    programs = tuple(
        Program(name, reaches.get(name, {}) is not None, found or {}, 2.0)
        for name, found in ((name, reaches.get(name, dict.fromkeys(CALLS[name], True))) for name in CALLS)
    )
    alert = Alert("Down", (("job", "payment"),), "firing", 1.0, "<b>payment</b>")
    made = picture.drawn(Seen(5.0, programs, {"payment": "OPEN"}, (alert,)), CALLS)
    assert [{"name": "payment", "state": "OPEN"}] == made["breakers"]
    assert "<b>payment</b>" == made["alerts"][0]["summary"]
    return {node["name"]: node for node in made["nodes"]}


def test_all_is_well() -> None:
    """Every node is up; whoever calls stands above what is called, services at the bottom."""
    nodes = drawn()
    assert {"up"} == {node["said"] for node in nodes.values()}
    assert [50, 150, 150, 250] == [nodes[n]["y"] for n in ("order", "payment", "notification", "redis")]


def test_what_does_not_answer_is_down_and_its_caller_is_without_it() -> None:
    """The one is not ok, the other not well."""
    nodes = drawn(payment=None, order={"payment": False, "redis": True})
    assert (False, "down") == (nodes["payment"]["ok"], nodes["payment"]["said"])
    assert (True, False, "without payment") == tuple(nodes["order"][k] for k in ("ok", "well", "said"))


def test_a_service_that_nobody_reaches_is_not_ok() -> None:
    """One that somebody reaches is."""
    gone = {"redis": False}
    assert drawn(payment=gone, notification={"redis": True})["redis"]["ok"]
    nodes = drawn(order={"payment": True, "redis": False}, payment=gone, notification=gone)
    assert (False, "not reached") == (nodes["redis"]["ok"], nodes["redis"]["said"])
