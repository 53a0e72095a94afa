"""Don't change this file: how the checks of part C read the metrics of a breaker, and what they expect."""

from __future__ import annotations

from typing import Any

from pytest_labkit import expect

STATES = ("CLOSED", "OPEN", "HALF_OPEN")


class Metrics:
    """What is told of the breaker *name*."""

    def __init__(self, scraping: Any, name: str) -> None:
        self._scraping = scraping
        self._name = name

    def state_is(self, *states: str) -> None:
        """One series of `circuit_breaker_state` is 1, that of one of *states*; the others are 0."""
        found = {labels.get("state"): value for labels, value in self._of("circuit_breaker_state")}
        ones = [state for state, value in found.items() if value == 1]
        expect(
            len(ones) == 1 and ones[0] in states and all(value in (0, 1) for value in found.values()),
            expected=f"circuit_breaker_state{{breaker={self._name!r}, …}} to be 1 for state="
            f"{' or '.join(states)} and 0 for the others",
            got=f"{found}" if found else "no such series",
            perhaps="a gauge with set_function() is read when it is asked for",
        )

    def has_counted(self, what: str, wanted: dict[Any, int], *labels: str) -> None:
        """The series of the counter *what* with these *labels* are as *wanted*, and all others are 0."""
        found = {
            tuple(given.get(label) for label in labels): value
            for given, value in self._of(f"circuit_breaker_{what}_total")
            if value
        }
        expected = {key if isinstance(key, tuple) else (key,): float(n) for key, n in wanted.items() if n}
        expect(
            found == expected,
            expected=f"circuit_breaker_{what}_total to be {_shown(expected)}",
            got=_shown(found) if found else "all 0, or not there",
        )

    def transitions(self, **wanted: int) -> None:
        """So often it went from a state to another: `CLOSED__OPEN=1`."""
        pairs = {tuple(key.split("__")): count for key, count in wanted.items()}
        self.has_counted("transitions", pairs, "from_state", "to_state")

    def calls(self, success: int = 0, failure: int = 0, rejected: int = 0) -> None:
        """So many calls ended in each way."""
        wanted = {"success": success, "failure": failure, "rejected": rejected}
        self.has_counted("calls", wanted, "outcome")

    def _of(self, name: str) -> list[tuple[dict[str, str], float]]:
        return [
            (labels, value)
            for told, labels, value in self._scraping.told()
            if told == name and labels.get("breaker") == self._name
        ]


def _shown(counts: dict[tuple[str, ...], float]) -> str:
    return ", ".join(f"{' → '.join(map(str, key))}: {count:g}" for key, count in sorted(counts.items()))
