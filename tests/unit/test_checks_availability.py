"""The judges of availability, on calls written by hand."""

from __future__ import annotations

import math
import re

import pytest
from histories import told

from pytest_labkit.checks import availability
from pytest_labkit.checks.availability import Window
from pytest_labkit.checks.history import Operation, Outcome

OUTCOMES = {"+": Outcome.OK, "-": Outcome.FAILED, "?": Outcome.UNKNOWN}


def calls(pattern: str, every_s: float = 0.5) -> list[Operation]:
    """A call each half second, named after its place: `+` served, `-` failed, `?` never ended."""
    return [
        Operation(
            f"call {n}",
            "get",
            {},
            10 + n * every_s,
            math.inf if sign == "?" else 10.1 + n * every_s,
            OUTCOMES[sign],
        )
        for n, sign in enumerate(pattern)
    ]


def test_over_time() -> None:
    """A window for each second in which calls began, from the first on; one without calls is left out."""
    history = [call for call in calls("++-+----+?") if not 11.9 < call.start < 13]
    assert availability.over_time(history) == [
        Window(10.0, 2, 2),
        Window(11.0, 2, 1),
        Window(13.0, 2, 0),
        Window(14.0, 2, 1),
    ]
    assert 0.5 == availability.over_time(history)[1].share
    assert [] == availability.over_time([])


def test_unavailable() -> None:
    """Too few calls served: the share, and the longest time without an answer with what is around it."""
    assert told(availability.unavailable(calls("+-++----?+"), 0.8)) == (
        "unavailable",
        "80% of the calls served, or more",
        "4 of 10 (40.0%); 5 in a row were not, over 2.0 s",
        ["call 3", "call 4", "call 8", "call 9"],
    )


def test_available_to_the_point() -> None:
    """A share that is met exactly is enough."""
    assert availability.unavailable(calls("++++-"), 0.8) is None


def test_only_the_time_asked_for_counts() -> None:
    """Calls before and after the fault are not those that were to be served during it."""
    history = calls("++++--++++")
    assert availability.unavailable(history, 0.8) is None
    found = availability.unavailable(history, 0.8, since=12.0, until=13.0)
    assert told(found)[2:] == ("0 of 2 (0.0%); 2 in a row were not, over 0.5 s", ["call 4", "call 5"])


def test_availability_without_calls_is_not_known() -> None:
    """Silence proves nothing."""
    with pytest.raises(ValueError, match=re.escape("no call was made in that time")):
        availability.unavailable(calls("+++"), 0.8, since=99)


def test_recovery_in_time() -> None:
    """Served again from a call within the time on, for as many in a row as are asked for."""
    assert availability.late_recovery(calls("--+-+++++"), since=10.0, within_s=2.0) is None


def test_late_recovery() -> None:
    """One answer in between is no recovery; the last refusal, and the call from which all went well."""
    found = availability.late_recovery(calls("--+---+++++"), since=10.0, within_s=2.0)
    assert told(found) == (
        "late recovery",
        "calls served again within 2 s of the fault's end, 5 in a row",
        "3.0 s after it, in 5.0 s of calls",
        ["call 5", "call 6"],
    )


def test_no_recovery() -> None:
    """A service that never comes back is shown by the last call that was not served."""
    found = availability.late_recovery(calls("--++---?"), since=10.0, within_s=2.0)
    assert told(found)[2:] == ("never, in 3.5 s of calls", ["call 7"])


def test_recovery_from_too_few_calls_is_not_known() -> None:
    """Who stops calling cannot say that it works again."""
    with pytest.raises(ValueError, match="only 2 calls were made after that moment"):
        availability.late_recovery(calls("---++"), since=11.5, within_s=60)
