"""
What a test raised -> an outcome; the outcomes of its tests -> the verdict of a criterion. Pure.

The rules, in order: the kit or a service broke -> `unknown`; the test says what is wrong -> `failed`;
`NotImplementedError` from a student's file -> `todo`; anything else that passed through a student's
file, death and time-out -> `error`; a test that stumbled over what it was given -> `failed`.
A criterion is what the first of its tests that did not pass is, in the order of the files.
"""

from __future__ import annotations

import inspect
import sysconfig
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_labkit.answers.rpc.errors import (
    AnswerDied,
    AnswerMissing,
    AnswerRaised,
    NotAValue,
    Tampered,
    frames,
)
from pytest_labkit.checks.finding import Counterexample
from pytest_labkit.domain.errors import LabkitError, Mistake, ServiceFailed
from pytest_labkit.domain.model import Criterion, CriterionResult, Frame, Message, Promise, Verdict
from pytest_labkit.runs.diagnosis import diagnose, said_by
from pytest_labkit.runs.limits import OutOfTime
from pytest_labkit.runs.outcome import Outcome

_KIT = str(Path(__file__).parents[1])
_PYTHON = sysconfig.get_path("stdlib")


def judge(
    error: BaseException,
    *,
    checked: str,
    answers: Mapping[str, str],
    broken: Callable[[], str | None],
    look_at: Callable[[Frame | None], str | None],
    promises: tuple[Promise, ...] = (),
) -> tuple[Verdict, Message]:
    """
    The verdict of a test that raised *error*, and what the student reads.

    It is `unknown` where one of the test's services does not work any more, whatever was raised.

    Args:
        error: What the test raised.
        checked: What the test checks, in a sentence.
        answers: The student's files: absolute path -> path relative to the lab.
        broken: The name of a service that does not work now, if there is one.
        look_at: The place to open for a line of the student's.
        promises: The sentences of the contract that the test checks: no matter for a file that does not load.
    """
    verdict, message, frame = classify(error, checked=checked, answers=answers)
    if verdict not in (Verdict.TODO, Verdict.UNKNOWN) and (service := broken()):
        got = f"{service} did not answer any more ({told(error)})"
        return Verdict.UNKNOWN, Message(checked, "working services", got)
    ran = verdict in (Verdict.FAILED, Verdict.ERROR) and not isinstance(error, ImportError | SyntaxError)
    return verdict, replace(message, look_at=look_at(frame), promises=promises if ran else ())


def classify(
    error: BaseException, *, checked: str, answers: Mapping[str, str]
) -> tuple[Verdict, Message, Frame | None]:
    """What *error* itself says: the verdict, what the student reads, and the student's line in it."""
    if isinstance(error, BaseExceptionGroup):
        return classify(error.exceptions[0], checked=checked, answers=answers)
    passed = frames(error, answers)
    where = passed[-1] if passed else None
    if isinstance(error, LabkitError) and not _is_raised_in(answers, error):
        return Verdict.UNKNOWN, Message(checked, "a working kit", told(error), error.hint), None
    if isinstance(error, Mistake):
        steps = error.timeline if isinstance(error, Counterexample) else ()
        said = Message(error.checked or checked, error.expected, error.got, error.perhaps, timeline=steps)
        return Verdict.FAILED, said, None
    if isinstance(error, NotImplementedError) and where is not None:
        return Verdict.TODO, Message(checked, "your code", said_by(error) or "NotImplementedError"), where
    verdict, expected = _by_kind(error, where)
    return verdict, Message(checked, expected, told(error), diagnose(error)), where


def first_sentence(function: object) -> str:
    """Of the docstring of *function*, without its full stop: what a test checks, in words."""
    text = " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
    return text.partition(". ")[0].rstrip(".")


def told(error: BaseException) -> str:
    """*error* in one line: its type and the first line of what it says."""
    if isinstance(error, AnswerDied | AnswerMissing | OutOfTime | NotAValue | Tampered):
        return str(error)
    if isinstance(error, SyntaxError) and error.text:
        return f"{type(error).__name__}: {error.msg}: {error.text.strip()}"
    first = said_by(error).strip().partition("\n")[0]
    if isinstance(error, ServiceFailed) and error.log_tail:
        return f"{first} Its log ends: {error.log_tail[-1].strip()}"
    if isinstance(error, LabkitError):
        return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _by_kind(error: BaseException, where: Frame | None) -> tuple[Verdict, str]:
    """The verdict of an error that no test spoke of, and what was expected instead."""
    if isinstance(error, OutOfTime):
        return Verdict.ERROR, f"an end within {error.limit_s:g} s"
    if isinstance(error, Tampered):
        return Verdict.ERROR, "what your functions return or raise, and nothing else"
    if isinstance(error, AnswerDied | AnswerMissing | AnswerRaised):
        return Verdict.ERROR, "an answer"
    if where is not None:
        return Verdict.ERROR, "no exception"
    if isinstance(error, NotAValue):
        return Verdict.FAILED, "a value"
    if isinstance(error, AssertionError) or not _is_the_kits(error):
        return Verdict.FAILED, "what the test could go on with"
    return Verdict.UNKNOWN, "a working kit"


def _is_raised_in(answers: Mapping[str, str], error: BaseException) -> bool:
    """Whether a student's own line raised *error*: who raises a `KitError` does not get off with that."""
    raised = traceback.extract_tb(error.__traceback__)
    return bool(raised) and raised[-1].filename in answers


def _is_the_kits(error: BaseException) -> bool:
    """
    Whether *error* is no fault of the student's: raised below the kit's own code, or a skip.

    A test that stumbles over what a student returned (`len(None)`) raises from its own lines, and what
    came from a student's process is the student's.
    """
    if hasattr(error, "labkit_frames"):
        return False
    if type(error).__module__ == "_pytest.outcomes" or not isinstance(error, Exception):
        return True
    passed = [entry.filename for entry in reversed(traceback.extract_tb(error.__traceback__))]
    nearest = next((file for file in passed if file.startswith(_KIT) or not _is_a_librarys(file)), "")
    return nearest.startswith(_KIT)


def _is_a_librarys(file: str) -> bool:
    """Whether *file* is neither a test's nor a student's: of Python itself, or installed beside it."""
    return file.startswith(("<", _PYTHON)) or "site-packages" in file or "dist-packages" in file


def combine(
    criterion: Criterion, outcomes: Sequence[Outcome], *, failed_before: Sequence[str]
) -> CriterionResult:
    """
    The result of *criterion* from its tests: the first that did not pass decides.

    So the verdict is the same whether or not the tests after that one ran. One in which the kit or a service
    broke, be it at its end, decides too, as `unknown`; in a test after a failed one that changes nothing.

    Args:
        criterion: The criterion.
        outcomes: Its tests' outcomes; not empty.
        failed_before: The ids of criteria that were tried and not passed; one that this criterion
            needs turns a failure into `blocked`.
    """
    outcomes = sorted(outcomes, key=lambda o: (o.place, o.verdict is not Verdict.UNKNOWN))
    result = CriterionResult(
        criterion,
        Verdict.PASSED,
        sum(outcome.duration_s for outcome in outcomes),
        measurements=tuple(m for outcome in outcomes for m in outcome.measurements),
        chronicles=tuple(c for outcome in outcomes for c in outcome.chronicles),
        drawings=tuple(d for outcome in outcomes for d in outcome.drawings),
        scatters=tuple(s for outcome in outcomes for s in outcome.scatters),
    )
    first = next((outcome for outcome in outcomes if outcome.verdict is not Verdict.PASSED), None)
    if first is None:
        return result
    blockers = [need for need in criterion.needs if need in failed_before]
    if blockers and first.verdict in (Verdict.FAILED, Verdict.ERROR):
        return replace(
            result, verdict=Verdict.BLOCKED, message=_blocked(criterion, blockers[0], first.message)
        )
    return replace(result, verdict=first.verdict, message=first.message)


def _blocked(criterion: Criterion, by: str, message: Message | None) -> Message:
    return Message(
        checked=criterion.title,
        expected=f"{by} first: this builds on it",
        got=message.got if message else "",
        look_at=message.look_at if message else None,
    )
