"""What every format can show: texts, figures and instants of a value, whatever it is made of."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from pytest_labkit.domain.model import AnswerFile, Measurement, Message, ServiceInfo, Span, Step
from pytest_labkit.report.harmless import harmless
from pytest_labkit.report.plain import LONGEST

NAN = math.nan


def test_prose_keeps_its_lines_and_other_texts_are_one() -> None:
    """What is checked, expected and got may be several lines; a place to look at may not."""
    step, made = (Step(process, "f()", 0.0, 1.0, "ok", "ok") for process in ("w\n1", "w 1"))
    message = Message("a\nb", "c", "d\r\ne", None, "calc.py\n:3", (step,))
    assert Message("a\nb", "c", "d\ne", None, "calc.py :3", (made,)) == harmless(message)


def test_what_is_no_number_becomes_what_its_field_may_be() -> None:
    """None where there may be nothing, else NaN, which is `null` in JSON; a call begins at 0."""
    measured = harmless(Measurement("x", math.inf, "s", rounds=(1.0, -math.inf), reference=NAN))
    assert measured.reference is None
    assert [True, False, True] == [math.isnan(figure) for figure in (measured.value, *measured.rounds)]
    assert Step("w", "f()", 0.0, None, "ok", "ok") == harmless(Step("w", "f()", NAN, math.inf, "ok", "ok"))


def test_instants_are_whole_seconds_in_utc() -> None:
    """Wherever they come from."""
    noon = datetime(2025, 5, 1, 12, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))
    assert datetime(2025, 5, 1, 10, tzinfo=UTC) == harmless(Span("a", "b", noon)).start


def test_containers_and_paths_are_looked_into() -> None:
    """Keys of a mapping and parts of a path are texts too."""
    assert {"redis 7": ServiceInfo("7", "local", 0.1)} == harmless(
        {"redis\n7": ServiceInfo("7", "local", 0.1)}
    )
    assert Path("a b.py") == harmless(AnswerFile("a", "0f", Path("a\nb.py"))).origin


@pytest.mark.parametrize(
    "text",
    ["x" * 10 * LONGEST, "x" * (LONGEST + 10), "\x1b[\x1b[31m31m", "a\r\n\x00b", "\ud800 half"],
    ids=["long", "hardly too long", "nested command", "control", "surrogate"],
)
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    """An outcome is made harmless before it travels, and again in the report: nothing is cut twice."""
    once = harmless(Message(text, "e", "g"))
    assert once == harmless(once)
    once.checked.encode("utf-8")
