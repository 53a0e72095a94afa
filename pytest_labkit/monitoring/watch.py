"""A look at the programs of a system, again and again: their health, metrics, and the alerts these raise."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_labkit.domain.errors import LabkitError, Mistake
from pytest_labkit.host import concurrently, http
from pytest_labkit.monitoring import promql, rules
from pytest_labkit.monitoring.alerts import Alert, Alerts
from pytest_labkit.monitoring.series import History

_TIMEOUT_S = 0.8
_DONE = '{__name__=~".+_(requests|messages)_total",route!~"/(health|metrics|ping)"}'
_RATE = f"sum by (job) (rate({_DONE}[10s]))"


@dataclass(frozen=True)
class Program:
    """A program as it was seen: whether it answers, what it reaches, requests and messages a second."""

    name: str
    answers: bool
    reaches: Mapping[str, bool]
    rate: float = 0.0

    @property
    def works(self) -> bool:
        """Whether it answers and reaches all that it calls."""
        return self.answers and all(self.reaches.values())


@dataclass(frozen=True)
class Seen:
    """All programs at a moment; the state of each breaker, by name; alerts; what is wrong with the rules."""

    at: float
    programs: tuple[Program, ...]
    breakers: Mapping[str, str]
    alerts: tuple[Alert, ...]
    problem: str | None = None

    def program(self, name: str) -> Program:
        """The one of that name; `KeyError` if there is none."""
        return {program.name: program for program in self.programs}[name]


class Watch:
    """
    Looks at the programs at *urls*, by name, and evaluates the alerts in *rules_file* over what it scrapes.

    *clock* gives seconds.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        rules_file: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._urls = dict(urls)
        self._clock = clock
        self._problem: str | None = None
        self._alerts = Alerts([])
        self.history = History(keep_s=900.0)
        if rules_file is not None:
            try:
                self._alerts = Alerts(rules.read(rules_file))
            except Mistake as mistake:
                self._problem = mistake.got

    def scrape(self) -> Seen:
        """Ask every program once, side by side."""
        said: dict[str, tuple[str | None, str | None]] = {}

        def ask(name: str) -> None:
            health, metrics = (f"{self._urls[name]}/{page}" for page in ("health", "metrics"))
            said[name] = http.get(health, _TIMEOUT_S), http.get(metrics, _TIMEOUT_S)

        concurrently.each(ask, list(self._urls))
        now = self._clock()
        for name, (_, metrics) in said.items():
            self.history.scraped(now, name, metrics)
        rates = {dict(s).get("job", ""): v for s, v in promql.evaluate(_RATE, self.history, now).items()}
        programs = tuple(_program(name, said[name][0], rates.get(name, 0.0)) for name in self._urls)
        return Seen(now, programs, _breakers(self.history, now), *self._raised(now))

    def _raised(self, now: float) -> tuple[tuple[Alert, ...], str | None]:
        try:
            return tuple(self._alerts.at(now, self.history)), self._problem
        except LabkitError as error:
            return (), error.what


def _program(name: str, health: str | None, rate: float) -> Program:
    try:
        reached = json.loads(health or "")["dependencies"]
        return Program(name, True, {str(other): works is True for other, works in reached.items()}, rate)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Program(name, False, {}, 0.0)


def _breakers(history: History, now: float) -> dict[str, str]:
    found = promql.evaluate("circuit_breaker_state == 1", history, now)
    return {dict(s).get("breaker", "?"): dict(s).get("state", "?") for s in found}
