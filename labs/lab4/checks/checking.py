"""Don't change this file: how the checks of lab 4 drive your breaker, and what they look at."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Self

from pytest_labkit import KitError, Mistake, expect

START = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
DEADLINE_S = 10.0
CLOSED, OPEN, HALF_OPEN = "CLOSED", "OPEN", "HALF_OPEN"
WAITING = (OPEN, HALF_OPEN)
"""What `state` may be from the timeout to the next call: that is left open."""

HANGS = f"the call hung for {DEADLINE_S:g} s"
LOCK = "a lock is held while the function of another call runs"

_SHOWN = 8  # steps of those that led to a mistake
_MOST = 8  # calls for what one criterion leaves to another, such as how many failures open a breaker


class Refused(Exception):
    """What the service raises: a class of the lab's own, which a breaker cannot know."""


class Service:
    """
    What the breaker protects. It counts the calls that reach it, and what else calls are counted by is
    no evidence.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answer: Any = "paid"
        self._error: Exception | None = None
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def will(self, *, answer: Any = "paid", error: Exception | None = None) -> None:
        """From now on it returns *answer*, or raises *error* if there is one."""
        self._answer, self._error = answer, error

    def pay(self, *args: Any, **kwargs: Any) -> Any:
        """What the breaker is asked to call."""
        with self._lock:
            self.calls.append((args, kwargs))
        if self._error is not None:
            raise self._error
        return self._answer


class Guarded:
    """A breaker with a service behind it. Each step is a call on this thread, and is judged."""

    def __init__(self, breaker: Any, callers: Any, clock: Any = None) -> None:
        self.breaker = breaker
        self.service = Service()
        self._callers = callers
        self._clock = clock
        self._steps: list[str] = []

    def succeeds(self, answer: Any = "paid", *, perhaps: str | None = None) -> None:
        """A call is let through, and the service returns *answer*. What the call gives is A5's matter."""
        self.service.will(answer=answer)
        self._passes((), {}, perhaps)
        self._steps.append("a success")

    def fails(self, error: Exception | None = None, *, perhaps: str | None = None) -> None:
        """A call is let through, and the service raises *error*. What the call gives is A5's matter."""
        self.service.will(error=error or ConnectionError("payment is not there"))
        self._passes((), {}, perhaps)
        self._steps.append("a failure")

    def is_refused(self, *, perhaps: str | None = None) -> None:
        """A call does not reach the service. What it gets in its place is A5's matter."""
        self._is_turned_away(perhaps)

    def returns(self, answer: Any, *args: Any, **kwargs: Any) -> None:
        """A call is let through, the service returns *answer*, and so does the call."""
        self.service.will(answer=answer)
        got, error = self._passes(args, kwargs)
        expect(
            error is None,
            expected=f"the call to return what the function returned, {answer!r}",
            got=f"{told(error)}{self._after()}",
        )
        expect.equal(answer, got, perhaps="what the function returns is handed on as it is")
        self._steps.append("a success")

    def raises(self, error: Exception) -> None:
        """A call is let through, the service raises *error*, and so does the call: the very same object."""
        self.service.will(error=error)
        got, raised = self._passes((), {})
        expect(
            raised is error,
            expected=f"the call to raise what the function raised, the very same {type(error).__name__}",
            got=(f"the call returned {got!r}" if raised is None else told(raised)) + self._after(),
            perhaps="a call that was let through has no fallback, and its error is raised as it is",
        )
        self._steps.append("a failure")

    def falls_back(self) -> Any:
        """A call does not reach the service, and returns; what it returns."""
        got, error = self._is_turned_away()
        expect(error is None, expected="the call to return the fallback", got=f"{told(error)}{self._after()}")
        return got

    def opens(self, failures: int) -> None:
        """So many calls fail, and the last of them opens it."""
        for _ in range(failures):
            self.fails()
        self.is_in(OPEN)

    def trips(self) -> None:
        """Calls fail until it is open. How many that takes is A2's matter."""
        for _ in range(_MOST):
            self.fails()
            if self.state() == OPEN:
                return
        self.is_in(OPEN)

    def closes(self) -> None:
        """Calls succeed until it is closed. That one is enough is A1's matter."""
        for _ in range(_MOST):
            self.succeeds()
            if self.state() == CLOSED:
                return
        self.is_in(CLOSED)

    def state(self) -> Any:
        """What `state` is now, as a plain string if it is any string."""
        return self._callers.state(self.breaker)

    def waits(self, seconds: float) -> None:
        """The clocks go on by *seconds*."""
        self._clock.tick(seconds)
        self._steps.append(f"{seconds:g} s")

    def is_in(self, *states: str, perhaps: str | None = None) -> None:
        """`state` is one of *states*."""
        got = self.state()
        expect(
            type(got) is str and got in states,
            expected=f"state to be {' or '.join(states)}",
            got=f"{got!r}{self._after()}",
            perhaps=perhaps,
        )

    def has_counted(self, failures: int, *, perhaps: str | None = None) -> None:
        """`failure_count` is *failures*."""
        got = self.breaker.failure_count
        expect(
            type(got) is int and got == failures,
            expected=f"failure_count to be {failures}",
            got=f"{got!r}{self._after()}",
            perhaps=perhaps,
        )

    def _is_turned_away(self, perhaps: str | None = None) -> tuple[Any, Exception | None]:
        calls = len(self.service.calls)
        self.service.will()
        got, error = outcome(lambda: self.breaker.call(self.service.pay))
        expect(
            len(self.service.calls) == calls,
            expected="the call to get the fallback, and the function not to be called",
            got=f"the function was called{self._after()}",
            perhaps=perhaps,
        )
        self._steps.append("a call refused")
        return got, error

    def _passes(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], perhaps: str | None = None
    ) -> tuple[Any, Exception | None]:
        calls = len(self.service.calls)
        got, error = outcome(lambda: self.breaker.call(self.service.pay, *args, **kwargs))
        reached = self.service.calls[calls:]
        expect(
            len(reached) == 1,
            expected="the call to be let through, and the function to be called once",
            got=f"{_times(len(reached))}{self._after()}",
            perhaps=perhaps,
        )
        expect.equal((args, kwargs), reached[0], perhaps="the function is called as func(*args, **kwargs)")
        return got, error

    def _after(self) -> str:
        """The steps that led here, the last ones if they are many."""
        runs = [(step, len(list(run))) for step, run in groupby(self._steps)]
        shown = [step if count == 1 else f"{step} ({count} times)" for step, count in runs[-_SHOWN:]]
        return f", after {'… ' if len(runs) > _SHOWN else ''}{', '.join(shown)}" if shown else ""


def _times(calls: int) -> str:
    return "the function was not called" if calls == 0 else f"the function was called {calls} times"


def outcome(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """What *call* returns, and what it raises; a stub's `NotImplementedError` and the kit's own go on."""
    try:
        return call(), None
    except (NotImplementedError, KitError, Mistake):
        raise
    except Exception as error:
        return None, error


def told(error: Exception | None) -> str:
    """What was raised, in a line."""
    return "no exception" if error is None else f"{type(error).__name__}: {str(error)[:200]}"


class Call:
    """
    A call through *breaker* on a thread of its own. If it is let through it stays in the function until
    it is told how to end, unless it *fails* at once. A *gate* holds it up before that.
    """

    def __init__(self, breaker: Any, gate: threading.Barrier | None = None, *, fails: bool = False) -> None:
        self._breaker = breaker
        self._gate = gate
        self._told = threading.Event()
        self._error: Exception | None = None
        self._raised: BaseException | None = None
        self._returned: Any = None
        self._decided = threading.Event()  # it is in the function, or it has ended
        self._ended = threading.Event()
        self.entered = False
        if fails:
            self._will_fail()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            if self._gate is not None:
                self._gate.wait(DEADLINE_S)
            self._returned = self._breaker.call(self._stays)
        except BaseException as error:
            self._raised = error
        finally:
            self._ended.set()
            self._decided.set()

    def _stays(self) -> str:
        self.entered = True
        self._decided.set()
        self._told.wait()
        if self._error is not None:
            raise self._error
        return "paid"

    def is_decided(self) -> bool:
        """Whether it reaches the function, or ends, before the deadline."""
        return self._decided.wait(DEADLINE_S)

    def let_go(self) -> None:
        """Let it end, however it may."""
        self._told.set()

    def is_let_through(self, *, perhaps: str | None = None) -> Self:
        """It reaches the function."""
        expect(
            self._decided.wait(DEADLINE_S) and self.entered,
            expected="the call to be let through",
            got=f"it returned without it{self._how()}" if self._ended.is_set() else HANGS,
            perhaps=perhaps or LOCK,
        )
        return self

    def is_refused(self, *, perhaps: str | None = None) -> None:
        """It returns, and does not reach the function."""
        expect(
            self._decided.wait(DEADLINE_S) and not self.entered,
            expected="the call to get the fallback, and the function not to be called",
            got="the function was called" if self.entered else HANGS,
            perhaps=perhaps if self.entered else LOCK,
        )
        self._propagates()
        expect(self._raised is None, expected="the call to return the fallback", got=self._how())

    def succeeds(self) -> None:
        """The function returns, and the call ends. What the call gives is A5's matter."""
        self._ends()

    def fails(self) -> None:
        """The function raises, and the call ends. What the call gives is A5's matter."""
        self._will_fail()
        self._ends()

    def returns(self) -> None:
        """The function returns, and so does the call."""
        self._ends()
        expect(self._raised is None, expected="the call to return what the function did", got=self._how())
        expect.equal("paid", self._returned)

    def raises(self) -> None:
        """The function raises, and so does the call."""
        self.fails()
        expect(
            self._raised is self._error,
            expected="the call to raise what the function raised, the very same object",
            got=self._how() or "no exception",
        )

    def _will_fail(self) -> None:
        self._error = self._error or ConnectionError("payment is not there")
        self.let_go()

    def _ends(self) -> None:
        self.let_go()
        expect(self._ended.wait(DEADLINE_S), expected="the call to end with the function", got=HANGS)
        self._propagates()

    def _propagates(self) -> None:
        """A stub's `NotImplementedError` and the kit's own errors are not for a check to judge."""
        if isinstance(self._raised, NotImplementedError | KitError):
            raise self._raised

    def _how(self) -> str:
        error = self._raised
        return "" if error is None else f" ({type(error).__name__}: {str(error)[:200]})"
