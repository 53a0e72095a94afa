"""How one test of a criterion ended: what travels from a test to the report and to the journal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from pytest_labkit.domain.model import Chronicle, Drawing, Measurement, Message, Scatter, Verdict

_LISTS = ("timeline", "promises")  # of a message, a row for each entry


@dataclass(frozen=True)
class Outcome:
    """
    How one test of a criterion ended; *lab* is the lab's folder relative to the project.

    *tampered* says that the student's process sent what no honest answer is. *place* is that of the test
    among all that were collected, by which a criterion knows the first of its tests that did not pass. One
    that *hung* was ended at its time limit.
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
    drawings: tuple[Drawing, ...] = ()
    scatters: tuple[Scatter, ...] = ()
    place: int = 0
    hung: bool = False

    def as_data(self) -> dict[str, Any]:
        """As values that JSON can hold, and that a worker of pytest-xdist can send."""
        data: dict[str, Any] = adapter().dump_python(self, mode="json")
        return data

    @classmethod
    def of(cls, data: Any) -> Outcome:
        """The inverse of `as_data`; `ValueError` if *data* is of another version."""
        return adapter().validate_python(data)

    def as_text(self) -> str:
        """What the student reads in the place of a traceback."""
        message = self.message or Message("", "", "")
        texts = [(name.replace("_", " "), text) for name, text in vars(message).items() if name not in _LISTS]
        steps = [
            ("at", f"{step.start_ms:g} ms {step.process}: {step.call} {step.said}")
            for step in message.timeline
        ]
        promises = [("promise", str(promise)) for promise in message.promises]
        rows = [
            f"  {name:<9} {text}" for name, text in (*texts, *promises, *steps) if text and name not in _LISTS
        ]
        return "\n".join([f"{self.criterion} {self.verdict}", *rows])


@cache
def adapter() -> TypeAdapter[Outcome]:
    """What writes and reads outcomes; it is made of the types as they are at the first call."""
    return TypeAdapter(Outcome)
