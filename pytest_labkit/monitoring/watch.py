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
from pytest_labkit.systems.plan import Gauge, Plan

_TIMEOUT_S = 0.8


@dataclass(frozen=True)
class Program:
    """A program as it was seen: whether it answers, what it reaches, how much it does in a second."""

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
    """
    All programs at a moment; alerts; what is wrong with the rules.

    *gauges* is what each gauge of the plan shows, by its title: values by name.
    """

    at: float
    programs: tuple[Program, ...]
    gauges: Mapping[str, Mapping[str, str]]
    alerts: tuple[Alert, ...]
    problem: str | None = None

    def program(self, name: str) -> Program:
        """The one of that name; `KeyError` if there is none."""
        return {program.name: program for program in self.programs}[name]


class Watch:
    """
    Looks at the programs at *urls*, by name; over what it scrapes it evaluates the rate and the gauges of
    *plan*, and the alerts in *rules_file*.

    *clock* gives seconds.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        plan: Plan,
        rules_file: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._urls = dict(urls)
        self._plan = plan
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
        rates = self._rates(now)
        programs = tuple(_program(name, said[name][0], rates.get(name, 0.0)) for name in self._urls)
        gauges = {gauge.title: self._values(gauge, now) for gauge in self._plan.gauges}
        return Seen(now, programs, gauges, *self._raised(now))

    def _rates(self, now: float) -> dict[str, float]:
        found = self._vector(self._plan.rate.query, now) if self._plan.rate else {}
        return {dict(series).get("job", ""): value for series, value in found.items()}

    def _values(self, gauge: Gauge, now: float) -> dict[str, str]:
        found = map(dict, self._vector(gauge.query, now))
        return {series.get(gauge.label, "?"): series.get(gauge.value, "?") for series in found}

    def _vector(self, query: str, now: float) -> promql.Vector:
        """What a query of the plan gives; where it is wrong nothing, and the page says so."""
        try:
            return promql.evaluate(query, self.history, now)
        except (LabkitError, Mistake, ValueError) as error:
            self._problem = f"{query}: {error}"
            return {}

    def _raised(self, now: float) -> tuple[tuple[Alert, ...], str | None]:
        try:
            return tuple(self._alerts.at(now, self.history)), self._problem
        except LabkitError as error:
            return (), error.what
        except Mistake as mistake:
            return (), mistake.got


def _program(name: str, health: str | None, rate: float) -> Program:
    try:
        reached = json.loads(health or "")["dependencies"]
        return Program(name, True, {str(other): works is True for other, works in reached.items()}, rate)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Program(name, False, {}, 0.0)
