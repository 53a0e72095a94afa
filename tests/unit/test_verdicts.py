"""What a test raised, and the verdict that follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_labkit.answers import AnswerDied, AnswerRaised
from pytest_labkit.checks.measure import Measure
from pytest_labkit.course.sources import line_of
from pytest_labkit.domain.errors import KitError, Mistake, ServiceFailed
from pytest_labkit.domain.model import Criterion, Measurement, Message, Verdict
from pytest_labkit.runs.diagnosis import diagnose
from pytest_labkit.runs.limits import OutOfTime
from pytest_labkit.runs.verdicts import Outcome, classify, combine

CRITERION = Criterion("A2", "A", "title", 3, ("", "", ""), needs=("A1",))


def outcome(verdict: Verdict, test: str = "t") -> Outcome:
    """An outcome of a test of A2."""
    message = None if verdict is Verdict.PASSED else Message("checked", "expected", f"got {test}")
    return Outcome("labs/lab3", "A2", test, verdict, 0.5, message, (Measurement("x", 1.0, "s"),))


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (Mistake(checked="c", expected="e", got="g"), Verdict.FAILED),
        (KitError("broken"), Verdict.UNKNOWN),
        (ServiceFailed("redis", awaited="PONG", waited_s=1.0), Verdict.UNKNOWN),
        (AnswerDied("the process of the answers ended with exit status 0"), Verdict.ERROR),
        (AnswerRaised("bang"), Verdict.ERROR),
        (OutOfTime(3), Verdict.ERROR),
        (AssertionError("assert 1 == 2"), Verdict.FAILED),
        (TypeError("'NoneType' object is not iterable"), Verdict.FAILED),
        (ExceptionGroup("two", [Mistake(checked="c", expected="e", got="g"), KitError("x")]), Verdict.FAILED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_verdict_of_an_error(error: BaseException, verdict: Verdict) -> None:
    """Each kind of error has its verdict."""
    assert verdict == classify(error, checked="c", answers={})[0]


@pytest.mark.parametrize(("answers", "verdict"), [({}, Verdict.UNKNOWN), ({__file__: "x.py"}, Verdict.ERROR)])
def test_blame_on_the_kit(answers: dict[str, str], verdict: Verdict) -> None:
    """The kit is to blame for its own errors, and not for one that a student's line raises."""
    with pytest.raises(KitError, match="out of luck") as caught:
        raise KitError("out of luck")
    assert verdict == classify(caught.value, checked="c", answers=answers)[0]


def test_what_to_do_about_the_kit_is_told() -> None:
    """And of a service that ended, the last that it said."""
    missing = KitError("Locust is not installed.", "Run: pip install it")
    ended = ServiceFailed("shop", awaited="all", waited_s=1, exit_status=1, log_tail=["a", "no such file"])
    told = [classify(error, checked="c", answers={})[1] for error in (missing, ended)]
    assert ("Locust is not installed.", "Run: pip install it") == (told[0].got, told[0].perhaps)
    assert told[1].got.endswith("it ended with exit status 1. Its log ends: no such file")


def test_worst_outcome_is_the_verdict() -> None:
    """A criterion is as good as the worst of its tests."""
    mixed = [outcome(Verdict.PASSED), outcome(Verdict.TODO), outcome(Verdict.FAILED)]
    assert Verdict.FAILED == combine(CRITERION, mixed, failed_before=[]).verdict
    assert Verdict.TODO == combine(CRITERION, mixed[:2], failed_before=[]).verdict
    assert Verdict.PASSED == combine(CRITERION, mixed[:1], failed_before=[]).verdict


def test_broken_service_outweighs_a_failure() -> None:
    """A criterion in which a service broke is unknown, never a student's failure."""
    mixed = [outcome(Verdict.FAILED), outcome(Verdict.UNKNOWN)]
    assert Verdict.UNKNOWN == combine(CRITERION, mixed, failed_before=[]).verdict


def test_todo_is_not_blocked() -> None:
    """An untouched stub stays todo, whatever it needs."""
    assert Verdict.TODO == combine(CRITERION, [outcome(Verdict.TODO)], failed_before=["A1"]).verdict


def test_only_a_passed_criterion_earns_points() -> None:
    """Points are all or nothing, and for passed alone."""
    assert [3, 0, 0] == [
        combine(CRITERION, [outcome(verdict)], failed_before=[]).earned
        for verdict in (Verdict.PASSED, Verdict.FAILED, Verdict.UNKNOWN)
    ]


def test_outcome_survives_its_journey() -> None:
    """An outcome is the same after JSON."""
    sent = outcome(Verdict.FAILED)
    assert sent == Outcome.from_json(sent.as_json())


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionRefusedError("[Errno 111] Connection refused"), "nothing listens at that address"),
        (
            RuntimeError("ResourceNotFoundException: Cannot do operations on a non-existent table"),
            "table is not",
        ),
        (RuntimeError("ConditionalCheckFailedException"), "somebody wrote first"),
        (RuntimeError("UNKNOWN_TOPIC_OR_PART"), "the topic does not exist"),
        (ValueError("something else"), None),
    ],
    ids=["refused", "table", "condition", "topic", "other"],
)
def test_raw_errors_are_explained(error: BaseException, told: str | None) -> None:
    """The usual raw errors are explained; others are left alone."""
    found = diagnose(error)
    assert (told is None) == (found is None)
    assert told is None or told in str(found)


def test_line_of_a_method(tmp_path: Path) -> None:
    """The place to look at is where the method is defined, or the nearest thing that exists."""
    path = tmp_path / "a.py"
    path.write_text("import x\n\nclass Store:\n    y = 1\n\n    def add(self): ...\n")
    assert 6 == line_of(path, "Store.add")
    assert 3 == line_of(path, "Store.gone")
    assert line_of(path, "Gone.add") is None
    path.write_text("def (")
    assert line_of(path, "Store.add") is None


def test_f19_a_test_that_is_run_again_flips_no_verdict() -> None:
    """A plugin that reruns what failed until it passes passes nothing: the failure was seen."""
    rerun = [outcome(Verdict.FAILED, "t"), outcome(Verdict.PASSED, "t"), outcome(Verdict.PASSED, "t")]
    assert Verdict.FAILED == combine(CRITERION, rerun, failed_before=[]).verdict


def test_what_a_test_does_inside_a_call_of_the_kits_is_not_the_kits_fault() -> None:
    """A name that a student's file does not have, looked up in a round that the kit measures."""
    measure = Measure(CRITERION)
    with pytest.raises(AttributeError, match="does_not_exist") as caught:
        measure.rate("rate", lambda: object().does_not_exist, unit="1/s")
    verdict, *_ = classify(caught.value, checked="c", answers={})
    assert Verdict.FAILED is verdict


def test_what_breaks_in_a_library_that_the_kit_calls_is_the_kits_fault() -> None:
    """However deep in the library: no student's and no test's line is in between."""
    with pytest.raises(ValueError, match="no-such-verdict") as caught:
        Outcome.from_json(outcome(Verdict.PASSED).as_json().replace("passed", "no-such-verdict"))
    verdict, *_ = classify(caught.value, checked="c", answers={})
    assert Verdict.UNKNOWN is verdict
