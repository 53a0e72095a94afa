"""
What a test raised -> an outcome; the outcomes of its tests -> the verdict of a criterion. Pure.

The rules, in order: the kit or a service broke -> `unknown`; the test says what is wrong -> `failed`;
`NotImplementedError` from a student's file -> `todo`; anything else that passed through a student's
file, death and time-out -> `error`; a test that stumbled over what it was given -> `failed`.
"""

from __future__ import annotations

import inspect
import json
import sysconfig
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

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
from pytest_labkit.domain.model import (
    Chronicle,
    Criterion,
    CriterionResult,
    Frame,
    Measurement,
    Message,
    Span,
    Step,
    Verdict,
)
from pytest_labkit.runs.diagnosis import diagnose
from pytest_labkit.runs.limits import OutOfTime

# The worst outcome of a criterion's tests is its verdict; `unknown` is first: a broken service must
# never read as a student's failure.
_WORST_FIRST = (Verdict.UNKNOWN, Verdict.ERROR, Verdict.FAILED, Verdict.TODO, Verdict.BLOCKED)
_KIT = str(Path(__file__).parents[1])
_PYTHON = sysconfig.get_path("stdlib")


@dataclass(frozen=True)
class Outcome:
    """
    How one test of a criterion ended; *lab* is the lab's folder relative to the project.

    *tampered* says that the student's process sent what no honest answer is.
    """

    lab: str
    criterion: str
    test: str
    verdict: Verdict
    duration_s: float
    message: Message | None = None
    measurements: tuple[Measurement, ...] = ()
    tampered: bool = False
    chronicles: tuple[Chronicle, ...] = ()

    def as_json(self) -> str:
        """As JSON, to travel in a test report (also from a worker of pytest-xdist)."""
        return json.dumps(asdict(self), default=datetime.isoformat)

    def as_text(self) -> str:
        """What the student reads in the place of a traceback."""
        message = self.message or Message("", "", "")
        texts = [(name.replace("_", " "), text) for name, text in vars(message).items() if name != "timeline"]
        steps = [
            ("at", f"{step.start_ms:g} ms {step.process}: {step.call} {step.said}")
            for step in message.timeline
        ]
        rows = [f"  {name:<9} {text}" for name, text in (*texts, *steps) if text]
        return "\n".join([f"{self.criterion} {self.verdict}", *rows])

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        """The inverse of `as_json`."""
        data = json.loads(text)
        data["verdict"] = Verdict(data["verdict"])
        data["message"] = _message(data["message"]) if data["message"] else None
        data["measurements"] = tuple(
            Measurement(**{**m, "rounds": tuple(m["rounds"]), "samples": tuple(m["samples"])})
            for m in data["measurements"]
        )
        data["chronicles"] = tuple(map(_chronicle, data["chronicles"]))
        return cls(**data)


def _chronicle(data: Mapping[str, Any]) -> Chronicle:
    return Chronicle(data["title"], tuple(map(_span, data["spans"])))


def _span(data: Mapping[str, Any]) -> Span:
    instants = {name: data[name] and datetime.fromisoformat(data[name]) for name in ("start", "end")}
    return Span(**{**data, **instants})


def _message(data: Mapping[str, Any]) -> Message:
    return Message(**{**data, "timeline": tuple(Step(**step) for step in data["timeline"])})


def classify(
    error: BaseException, *, checked: str, answers: Mapping[str, str]
) -> tuple[Verdict, Message, Frame | None]:
    """
    The verdict of a test that raised *error*, what the student reads, and the student's line in it.

    Args:
        error: What the test raised.
        checked: What the test checks, in a sentence.
        answers: The student's files: absolute path -> path relative to the lab.
    """
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
        return Verdict.TODO, Message(checked, "your code", str(error) or "NotImplementedError"), where
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
    first = str(error).strip().partition("\n")[0]
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
    The result of *criterion* from its tests.

    Args:
        criterion: The criterion.
        outcomes: Its tests' outcomes, in the order in which they ran; not empty.
        failed_before: The ids of criteria that were tried and not passed; one that this criterion
            needs turns a failure into `blocked`.
    """
    duration = sum(outcome.duration_s for outcome in outcomes)
    measurements = tuple(m for outcome in outcomes for m in outcome.measurements)
    chronicles = tuple(c for outcome in outcomes for c in outcome.chronicles)
    worst = next((o for verdict in _WORST_FIRST for o in outcomes if o.verdict is verdict), None)
    if worst is None:
        return CriterionResult(criterion, Verdict.PASSED, duration, None, measurements, chronicles)
    verdict, message = worst.verdict, worst.message
    blockers = [need for need in criterion.needs if need in failed_before]
    if blockers and verdict in (Verdict.FAILED, Verdict.ERROR):
        verdict = Verdict.BLOCKED
        message = Message(
            checked=criterion.title,
            expected=f"{blockers[0]} first: this builds on it",
            got=message.got if message else "",
            look_at=message.look_at if message else None,
        )
    return CriterionResult(criterion, verdict, duration, message, measurements, chronicles)
