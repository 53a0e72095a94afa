"""
What the user is told when something is wrong.

Three kinds, kept apart by type because they end differently: a `Mistake` is the student's and
fails a criterion; a `UsageProblem` is a wrong option, folder or `lab.toml` and ends the run before
it starts (exit 4); a `KitError` is the kit's or a service's fault, costs nobody a point and ends in
exit 20. All three are shown as plain text, never as a traceback.
"""

from __future__ import annotations

from collections.abc import Sequence


class Mistake(AssertionError):
    """
    A criterion is not met: what was checked, what was expected, what was got.

    Args:
        checked: What the kit did and looked at, in the student's terms.
        expected: What a right answer gives.
        got: What this answer gave.
        perhaps: The likely cause, if one is known.
    """

    def __init__(self, *, checked: str, expected: str, got: str, perhaps: str | None = None) -> None:
        self.checked = checked
        self.expected = expected
        self.got = got
        self.perhaps = perhaps
        super().__init__(f"checked {checked}; expected {expected}; got {got}")


class LabkitError(Exception):
    """
    Something is wrong outside the student's answers: *what*, and what to do about it (*hint*).

    `str()` gives both, a line each.
    """

    def __init__(self, what: str, hint: str | None = None) -> None:
        self.what = what
        self.hint = hint
        super().__init__(what if hint is None else f"{what}\n{hint}")


class UsageProblem(LabkitError):
    """An option, a folder or a `lab.toml` is wrong; nothing was run."""


class KitError(LabkitError):
    """The kit or a machine is at fault; no verdict of a student may follow from it."""


class ServiceFailed(KitError):
    """
    A service did not become ready, or died.

    Args:
        service: Its name, such as `"kafka"`.
        awaited: What the kit waited for, such as `"a record produced and consumed"`.
        waited_s: For how long, in seconds.
        exit_status: The exit status of its process, or `None` while it runs.
        log_tail: The last lines of its log, oldest first; 20 are kept.
        hint: What to do next.
    """

    def __init__(
        self,
        service: str,
        *,
        awaited: str,
        waited_s: float,
        exit_status: int | None = None,
        log_tail: Sequence[str] = (),
        hint: str | None = None,
    ) -> None:
        self.service = service
        self.awaited = awaited
        self.waited_s = waited_s
        self.exit_status = exit_status
        self.log_tail = tuple(log_tail)[-20:]
        state = "it is still running" if exit_status is None else f"it ended with exit status {exit_status}"
        lines = [f"{service} is not ready: waited {waited_s:.1f} s for {awaited}; {state}."]
        if self.log_tail:
            lines += ["the end of its log:", *(f"  {line}" for line in self.log_tail)]
        super().__init__("\n".join(lines), hint)
