"""Don't change the tests. C2: an alert fires when the breaker trips, and is cleared when it has recovered."""

from collections.abc import Callable
from typing import Any

import pytest

from labs.lab4.checks.checking import CLOSED, OPEN, START
from labs.lab4.checks.life import FILE, MINUTE_S, Life, fires_in_time, is_cleared, never_fires, written
from pytest_labkit.monitoring import Rule, rules

pytestmark = [pytest.mark.criterion("C2")]


@pytest.fixture
def alerts(answers: Any) -> list[Rule]:
    """The rules of the student's."""
    return written(answers, "BreakerOpen", "CallsFailing", "ServiceDown")


@pytest.mark.promise("C2.1")
def test_the_rules_are_valid(answers: Any, alerts: list[Rule]) -> None:
    """alerts.yaml is a file of rules to Prometheus; where promtool is installed, that is asked too."""
    rules.check(answers.path(FILE))


@pytest.mark.promise("C2.2", "C2.3", "C2.4", "C2.5", "C2.6")
def test_breaker_open_fires_and_is_cleared(
    answers: Any, alerts: list[Rule], watched: Callable[..., Any]
) -> None:
    """BreakerOpen fires within a minute of the trip, for it alone, and is cleared after recovery."""
    with answers.frozen(START) as clock:
        payment, _ = watched("payment", 3, 300, clock=clock)
        stock, _ = watched("stock", 3, 300, clock=clock)
        life = Life(alerts, clock.tick, answers.beside("scraping").exposition)

        def well() -> None:
            payment.succeeds()
            stock.succeeds()

        def tripped() -> None:
            payment.is_refused()
            stock.succeeds()

        never_fires("BreakerOpen", life.goes_on(3 * MINUTE_S, well), "while every breaker is CLOSED")
        payment.opens(3)
        fired = life.goes_on(4 * MINUTE_S, tripped)
        payment.is_in(OPEN)
        fires_in_time("BreakerOpen", fired, 4 * MINUTE_S, "of the trip", MINUTE_S, breaker="payment")
        clock.tick(MINUTE_S)  # by now a call is let through
        payment.succeeds()
        payment.is_in(CLOSED)
        is_cleared("BreakerOpen", life.goes_on(3 * MINUTE_S, well), "of its closing", MINUTE_S)


@pytest.mark.promise("C2.2", "C2.7", "C2.8", "C2.9", "C2.10")
def test_calls_failing_fires_and_is_cleared(
    answers: Any, alerts: list[Rule], watched: Callable[..., Any]
) -> None:
    """CallsFailing fires within two minutes when most calls fail, not when few do or none is made."""
    with answers.frozen(START) as clock:
        payment, _ = watched("payment", 10**6, 300, clock=clock)
        life = Life(alerts, clock.tick, answers.beside("scraping").exposition)

        def mostly_well() -> None:
            for _ in range(7):
                payment.succeeds()
            payment.fails()

        def failing() -> None:
            for _ in range(6):
                payment.fails()
            payment.succeeds()

        never_fires("CallsFailing", life.goes_on(4 * MINUTE_S, mostly_well), "while one of eight calls fails")
        fired = life.goes_on(4 * MINUTE_S, failing)
        when = "of most calls failing"
        fires_in_time("CallsFailing", fired, 4 * MINUTE_S, when, 2 * MINUTE_S, breaker="payment")
        is_cleared("CallsFailing", life.goes_on(4 * MINUTE_S, mostly_well), "of calls working", 2 * MINUTE_S)
        never_fires("CallsFailing", life.goes_on(4 * MINUTE_S), "while no call is made")


@pytest.mark.promise("C2.11")
def test_rejected_calls_are_no_failures(
    answers: Any, alerts: list[Rule], watched: Callable[..., Any]
) -> None:
    """While it is open and turns calls away, CallsFailing is not what fires: nothing was let through."""
    with answers.frozen(START) as clock:
        payment, _ = watched("payment", 3, 3600, clock=clock)
        life = Life(alerts, clock.tick, answers.beside("scraping").exposition)
        life.goes_on(2 * MINUTE_S, payment.succeeds)
        payment.opens(3)
        life.goes_on(2 * MINUTE_S, payment.is_refused)
        fired = life.goes_on(3 * MINUTE_S, payment.is_refused)
        never_fires("CallsFailing", fired, "for calls that were not let through")


@pytest.mark.promise("C2.2", "C2.12")
def test_service_down_fires_and_is_cleared(
    answers: Any, alerts: list[Rule], watched: Callable[..., Any]
) -> None:
    """ServiceDown fires within a minute of the scrape that gets no answer, and is cleared within one."""
    with answers.frozen(START) as clock:
        watched("payment", 3, 300, clock=clock)
        life = Life(alerts, clock.tick, answers.beside("scraping").exposition)
        never_fires("ServiceDown", life.goes_on(2 * MINUTE_S), "while all answer")
        life.down.add("payment")
        fired = life.goes_on(3 * MINUTE_S)
        fires_in_time("ServiceDown", fired, 3 * MINUTE_S, "of the first scrape", MINUTE_S, job="payment")
        life.down.clear()
        is_cleared("ServiceDown", life.goes_on(2 * MINUTE_S), "of its answer", MINUTE_S)
