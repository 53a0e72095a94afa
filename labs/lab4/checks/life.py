"""Don't change this file: a breaker's life under a stopped clock, scraped each 15 seconds, and its alerts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_labkit import expect
from pytest_labkit.monitoring import Alert, Alerts, History, Rule, read

EVERY_S = 15.0
MINUTE_S = 60.0
FILE = "alerts.yaml"


class Life:
    """Steps of 15 seconds; at the end of each the metrics are scraped and the rules evaluated."""

    def __init__(self, rules: list[Rule], tick: Callable[[float], None], tell: Callable[[], str]) -> None:
        self._alerts, self._tick, self._tell = Alerts(rules), tick, tell
        self._history = History()
        self._now = 0.0
        self.down: set[str] = set()

    def goes_on(self, seconds: float, each: Callable[[], Any] = lambda: None) -> list[tuple[float, Alert]]:
        """Live *seconds*, with *each* done in every step; what fired, and how long after the begin."""
        fired = []
        for step in range(1, int(seconds / EVERY_S) + 1):
            each()
            self._tick(EVERY_S)
            self._now += EVERY_S
            self._history.scraped(self._now, "order", self._tell())
            self._history.scraped(self._now, "payment", None if "payment" in self.down else "")
            raised = self._alerts.at(self._now, self._history)
            fired += [(step * EVERY_S, alert) for alert in raised if alert.state == "firing"]
        return fired


def never_fires(name: str, fired: list[tuple[float, Alert]], when: str) -> None:
    """The alert *name* is not among those that *fired*."""
    at = [f"{alert.as_dict} after {seconds:g} s" for seconds, alert in fired if alert.name == name]
    expect(not at, expected=f"{name} not to fire {when}", got=f"it fired: {at[0] if at else ''}")


def fires_in_time(
    name: str, fired: list[tuple[float, Alert]], lasts_s: float, when: str, within_s: float, **labels: str
) -> None:
    """It fires within *within_s* seconds, with *labels* alone, and goes on for as long as *lasts_s*."""
    ours = [(s, a) for s, a in fired if a.name == name and labels.items() <= a.as_dict.items()]
    others = [a.as_dict for _, a in fired if a.name == name and not labels.items() <= a.as_dict.items()]
    shown = ", ".join(f"{key}={value!r}" for key, value in labels.items())
    got = f"with {others[0]}" if others else "it did not fire"
    expect(
        bool(ours) and ours[0][0] <= within_s,
        expected=f"{name} with {shown} to fire within {within_s:g} s {when}",
        got=f"it fired after {ours[0][0]:g} s" if ours else got,
    )
    expect(not others, expected=f"{name} for {shown} alone", got=f"one with {others[:1]}")
    steps = [seconds for seconds, _ in ours]
    wanted = [s * EVERY_S for s in range(int(steps[0] / EVERY_S), int(lasts_s / EVERY_S) + 1)]
    expect(
        steps == wanted,
        expected=f"{name} to go on firing for as long as that is so",
        got=f"it fired {len(steps)} times in {len(wanted)} steps of {EVERY_S:g} s",
    )
    summary = ours[-1][1].summary
    expect(
        all(value in summary for value in labels.values()),
        expected=f"the annotation summary of {name} to name {shown}",
        got=repr(summary),
        perhaps="a label is filled in as {{ $labels.breaker }}",
    )


def is_cleared(name: str, fired: list[tuple[float, Alert]], when: str, within_s: float) -> None:
    """It does not fire any more *within_s* seconds after the begin."""
    late = [seconds for seconds, alert in fired if alert.name == name and seconds > within_s]
    expect(
        not late,
        expected=f"{name} to be cleared within {within_s:g} s {when}",
        got=f"it still fired {late[-1] if late else 0:g} s after that",
    )


def written(answers: Any, *names: str) -> list[Rule]:
    """The rules of alerts.yaml, *names* among them; `NotImplementedError` while one is to do."""
    rules = read(answers.path(FILE))
    for name in names:
        if name not in [rule.name for rule in rules if not rule.records]:
            raise answers.unwritten(FILE, f"TODO C2: {FILE} has no {name} yet")
    return rules
