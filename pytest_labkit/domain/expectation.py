"""How a lab's test says that a criterion is not met, in words that a student can act on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pytest_labkit.domain.difference import differing
from pytest_labkit.domain.errors import Mistake


class Expectation:
    """`expect(condition, …)`, `.equal(expected, got, …)`, `.eventually(…)`: go on, or raise `Mistake`."""

    def __call__(
        self,
        condition: bool,
        *,
        expected: str,
        got: str,
        checked: str | None = None,
        perhaps: str | None = None,
    ) -> None:
        """
        Go on if *condition* is `True`.

        *checked* is the first sentence of the test's docstring where it is left out.
        """
        __tracebackhide__ = True
        if condition is not True:
            raise Mistake(checked=checked or "", expected=expected, got=got, perhaps=perhaps)

    def equal(
        self, expected: Any, got: Any, *, checked: str | None = None, perhaps: str | None = None
    ) -> None:
        """
        Go on if *got* is *expected*: equal, and of the very same type.

        The types are compared first, and `==` is asked of *expected*, which is the test's own: a
        value from a student whose `__eq__` always agrees does not pass.
        """
        __tracebackhide__ = True
        same_type = type(got) is type(expected)
        if same_type and expected == got:
            return
        wanted, told = differing(expected, got)
        told = told if same_type else f"{told} ({type(got).__name__})"
        raise Mistake(checked=checked or "", expected=wanted, got=told, perhaps=perhaps)

    def eventually(
        self,
        expected: Any,
        look: Callable[[], Any],
        *,
        within_s: float = 5.0,
        every_s: float = 0.02,
        checked: str | None = None,
        perhaps: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """
        Go on as soon as *look* gives *expected*, in the sense of `equal`; for what takes effect later.

        In the place of a sleep: *look* is called again and again, for *within_s* seconds at least, and
        never less than once. What it raises is raised.

        Raises:
            Mistake: It still gave something else after *within_s* seconds; that is told.
        """
        __tracebackhide__ = True
        deadline = clock() + within_s
        while True:
            late = clock() >= deadline  # before the look: the last one is no earlier than the deadline
            got = look()
            if type(got) is type(expected) and expected == got:
                return
            if late:
                break
            sleep(every_s)
        try:
            self.equal(expected, got, checked=checked, perhaps=perhaps)
        except Mistake as mistake:
            mistake.expected += f" within {within_s:g} s"
            raise


expect = Expectation()
