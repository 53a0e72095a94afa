"""What the page /health shows."""

from __future__ import annotations

from typing import Any

from pytest_labkit.dashboard import picture
from pytest_labkit.monitoring.alerts import Alert
from pytest_labkit.monitoring.watch import Program, Seen
from pytest_labkit.systems.plan import Plan

CALLS = {"order": ["payment", "redis"], "payment": ["redis"], "notification": ["redis"]}
STATES = {"title": "Breakers", "query": "state == 1", "label": "breaker", "value": "state"}
PLAN = Plan.model_validate(
    {
        "package": "shop",
        "services": ["redis"],
        "programs": [{"name": name, "calls": calls} for name, calls in CALLS.items()],
        "rate": {"title": "Requests a second", "query": "rate(requests_total[10s])"},
        "gauges": [{**STATES, "good": ["CLOSED"], "bad": ["OPEN"], "none": "No breaker."}],
    }
)


def drawn(**reaches: dict[str, bool] | None) -> dict[str, dict[str, Any]]:
    """The nodes of a picture, by name; what each program reaches, `None` if it does not answer."""
    programs = tuple(
        Program(name, reaches.get(name, {}) is not None, found or {}, 2.0)
        for name, found in ((name, reaches.get(name, dict.fromkeys(CALLS[name], True))) for name in CALLS)
    )
    alert = Alert("Down", (("job", "payment"),), "firing", 1.0, "<b>payment</b>")
    made = picture.drawn(Seen(5.0, programs, {"Breakers": {"payment": "OPEN"}}, (alert,)), PLAN)
    assert [{"name": "payment", "value": "OPEN", "look": "bad"}] == made["gauges"][0]["values"]
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


def test_a_gauge_looks_as_the_plan_says() -> None:
    """Its values by name, each good, bad or neither; titles are the plan's."""
    states = {"b": "HALF_OPEN", "a": "CLOSED", "c": "OPEN"}
    made = picture.drawn(
        Seen(5.0, tuple(Program(n, True, {}) for n in CALLS), {"Breakers": states}, ()), PLAN
    )
    (gauge,) = made["gauges"]
    assert ("Requests a second", "Breakers", "No breaker.") == (made["rate"], gauge["title"], gauge["none"])
    assert ["a good", "b warn", "c bad"] == [f"{shown['name']} {shown['look']}" for shown in gauge["values"]]


def test_without_gauges_and_a_rate_there_are_none() -> None:
    """A lab need not have any."""
    plan = PLAN.model_copy(update={"gauges": (), "rate": None})
    made = picture.drawn(Seen(5.0, tuple(Program(n, True, {}) for n in CALLS), {}, ()), plan)
    assert (None, []) == (made["rate"], made["gauges"])
