"""What a test raised, and the verdict that follows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_labkit.answers import AnswerDied, AnswerRaised
from pytest_labkit.checks.measure import Measure
from pytest_labkit.course.sources import line_of
from pytest_labkit.domain.errors import KitError, Mistake, ServiceFailed
from pytest_labkit.domain.model import Criterion, Measurement, Message, Verdict
from pytest_labkit.runs.diagnosis import diagnose
from pytest_labkit.runs.limits import OutOfTime
from pytest_labkit.runs.outcome import Outcome
from pytest_labkit.runs.verdicts import classify, combine, judge

CRITERION = Criterion("A2", "A", "title", 3, needs=("A1",))


def outcome(verdict: Verdict, test: str = "t", place: int = 0) -> Outcome:
    """An outcome of a test of A2."""
    message = None if verdict is Verdict.PASSED else Message("checked", "expected", f"got {test}")
    measured = (Measurement("x", 1.0, "s"),)
    return Outcome("labs/lab3", "A2", test, verdict, 0.5, message, measured, place=place)


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


NOT_PASSED = (Verdict.FAILED, Verdict.ERROR, Verdict.TODO, Verdict.UNKNOWN)


@pytest.mark.parametrize("first", NOT_PASSED)
@pytest.mark.parametrize("later", [*NOT_PASSED, Verdict.PASSED])
def test_first_outcome_that_is_not_passed_is_the_verdict(first: Verdict, later: Verdict) -> None:
    """Whether or not a later test has run, and whatever it came to, verdict and message are the same."""
    decided = [outcome(Verdict.PASSED, "a", 0), outcome(first, "b", 1)]
    alone = combine(CRITERION, decided, failed_before=[])
    among_others = combine(CRITERION, [*decided, outcome(later, "c", 2)], failed_before=[])
    assert (first, "got b") == (alone.verdict, alone.message and alone.message.got)
    assert (alone.verdict, alone.message) == (among_others.verdict, among_others.message)


def test_a_criterion_passes_when_all_of_its_tests_have() -> None:
    """With no outcome but `passed` there is nothing to tell."""
    result = combine(
        CRITERION, [outcome(Verdict.PASSED, "a"), outcome(Verdict.PASSED, "b")], failed_before=[]
    )
    assert (Verdict.PASSED, None) == (result.verdict, result.message)


def test_first_is_by_the_files_not_by_the_clock() -> None:
    """Workers of pytest-xdist end in any order: the place of a test counts."""
    as_they_ended = [outcome(Verdict.TODO, "late", 7), outcome(Verdict.FAILED, "early", 2)]
    assert Verdict.FAILED == combine(CRITERION, as_they_ended, failed_before=[]).verdict


def test_a_service_that_breaks_first_leaves_the_criterion_unknown() -> None:
    """It is never read as a student's failure, whatever failed after it; and it excuses none before it."""
    broken, failed = outcome(Verdict.UNKNOWN, "a", 0), outcome(Verdict.FAILED, "b", 1)
    assert Verdict.UNKNOWN == combine(CRITERION, [broken, failed], failed_before=[]).verdict
    assert Verdict.UNKNOWN == combine(CRITERION, [broken, failed], failed_before=["A1"]).verdict
    assert Verdict.FAILED == combine(CRITERION, [failed, replace(broken, place=2)], failed_before=[]).verdict


def test_a_service_that_breaks_as_the_failed_test_ends_leaves_it_unknown() -> None:
    """A fault that cannot be undone may have been at work before: of one test, `unknown` counts first."""
    one_test = [outcome(Verdict.FAILED, "a", 3), outcome(Verdict.UNKNOWN, "a", 3)]
    assert Verdict.UNKNOWN == combine(CRITERION, one_test, failed_before=[]).verdict


def judged(error: BaseException, broken: str | None) -> tuple[Verdict, Message]:
    """The verdict of *error* in a test of whose services *broken* does not work."""
    return judge(error, checked="c", answers={}, broken=lambda: broken, look_at=lambda _: "a.py:1")


def test_what_fails_on_a_broken_service_is_unknown() -> None:
    """The service is named, with what was raised; no line of the student's is to blame."""
    message = Message("c", "working services", "redis did not answer any more (OutOfLuck: no)")
    assert (Verdict.UNKNOWN, message) == judged(type("OutOfLuck", (Exception,), {})("no"), "redis")


def test_what_fails_while_services_work_is_the_students() -> None:
    """The message leads to the place to open."""
    verdict, message = judged(Mistake(checked="c", expected="e", got="g"), None)
    assert (Verdict.FAILED, "a.py:1") == (verdict, message.look_at)


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
    assert sent == Outcome.of(json.loads(json.dumps(sent.as_data())))


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
        Outcome.of(outcome(Verdict.PASSED).as_data() | {"verdict": "no-such-verdict"})
    verdict, *_ = classify(caught.value, checked="c", answers={})
    assert Verdict.UNKNOWN is verdict
