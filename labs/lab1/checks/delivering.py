"""Don't change this file: consumers in processes that are killed, or stopped for long, at any step."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from typing import Any

from labs.lab1.checks.brokers import Topic
from labs.lab1.payments import Payment
from pytest_labkit import expect
from pytest_labkit.checks import messages
from pytest_labkit.checks.calls import Background, raised_by
from pytest_labkit.checks.history import History

DEADLINE_S = 20.0  # by which what a test waits for has to have come
WAIT_S = 0.25  # that run_once waits
LIMIT = 2  # records that one run_once takes, where a process is killed
SETTLED_S = 0.15  # more than what an automatic commit takes, as `CONFIG` sets it
NEVER = 10**9

CONFIG = {
    "auto.commit.interval.ms": "100",
    "group.protocol": os.environ.get("LAB1_GROUP_PROTOCOL", "classic"),
    "log_level": "0",  # a member that is thrown out is no news for the terminal
}
"""What the checks add to a consumer's properties."""
NEW_PROTOCOL = CONFIG | {"group.protocol": "consumer"}

Make = Callable[[Any, Callable[[Payment], Any]], Any]
"""Makes a consumer in a process, with a handler."""


class Witness:
    """Sees what is handled, and judges it."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._history = History()
        self._lock = threading.Lock()
        self._names = count(1)
        self._strange: list[str] = []
        self.handled: list[str] = []

    def handler(self, fails_at: str | None = None, slow_s: float = 0.0) -> Callable[[Any], None]:
        """The handler of one more consumer; it raises once, for the payment *fails_at*."""
        name, left = f"c{next(self._names)}", [fails_at]

        def handle(payment: Any) -> None:
            payment_id = payment.payment_id if type(payment) is Payment else repr(payment)[:60]
            self._history.run(name, "receive", lambda: [payment_id])
            with self._lock:
                self.handled.append(payment_id)
                if type(payment) is not Payment:
                    self._strange.append(payment_id)
            if payment_id == left[0]:
                left[0] = None
                raise HandlerFailed(payment_id)
            time.sleep(slow_s)

        return handle

    @property
    def missing(self) -> list[str]:
        """The payments that were sent and never handled."""
        seen = set(self.handled)
        return [payment.payment_id for payment in self._topic.sent if payment.payment_id not in seen]

    def never_repeats(self, perhaps: str) -> None:
        """No payment was handled twice, and none that was not sent."""
        self._judge([messages.phantom, messages.duplicated], perhaps)

    def never_loses(self, perhaps: str) -> None:
        """Every payment was handled, and none that was not sent."""
        self._judge([messages.phantom, messages.lost], perhaps)

    def repeats(self) -> int:
        """How many payments were handled more than once."""
        return sum(many > 1 for many in Counter(self.handled).values())

    def _judge(self, judges: list[messages.Judge], perhaps: str) -> None:
        expect.equal([], self._strange[:1], perhaps="handle is called with a Payment")
        history = History(operations=list(self._history))
        for payment in self._topic.sent:
            history.run("kit", "send", lambda: None, key=payment.account, message=payment.payment_id)
        for judge in judges:
            if (finding := judge(history)) is not None:
                raise finding.mistake(perhaps=perhaps)


class HandlerFailed(Exception):
    """What a test's handler raises."""


def raised(call: Callable[[], Any], *kinds: type[Exception], when: str, perhaps: str | None = None) -> None:
    """*call* raises one of *kinds*."""
    error = raised_by(call)
    if error is not None and not isinstance(error, kinds):
        raise error
    expect(
        error is not None,
        expected=f"run_once to raise an exception {when}",
        got="no exception",
        perhaps=perhaps or "an exception is swallowed",
    )


class Hold:
    """Where a life is held when it comes to its step."""

    def __init__(self) -> None:
        self._free = threading.Event()
        self.name: str | None = None

    def reached(self, name: str) -> None:
        """Called by the life: returns when it may go on."""
        self.name = name
        self._free.wait(4 * DEADLINE_S)

    def let_go(self) -> None:
        """Let it go on."""
        self._free.set()


def background(call: Callable[[], Any]) -> Background:
    """*call*, while the test does something else."""
    return Background(
        call,
        2 * DEADLINE_S,
        expected=f"run_once to return within {2 * DEADLINE_S:g} s",
        perhaps="it waits for ever, or tries again and again what cannot succeed",
    )


class Lives:
    """Lives of a consumer of *topic*, each in a process of its own; *make* makes the consumer."""

    def __init__(self, answers: Any, topic: Topic, make: Make, limit: int = LIMIT) -> None:
        self._answers, self._topic, self._make, self._limit = answers, topic, make, limit

    def killed_at(self, step: int, handle: Callable[[Any], Any] | None = None) -> str | None:
        """A life that is killed at *step*: its name; `None` if all was read before it came to that."""
        with self._held_at(step, handle) as (process, hold, going):
            if hold.name is not None:
                time.sleep(SETTLED_S)
                process.kill()
        self._topic.evict()
        if hold.name is None:
            is_read(self._topic, going.result())
        return hold.name

    def asleep_at(
        self, step: int, meanwhile: Callable[[str], Any], handle: Callable[[Any], Any] | None = None
    ) -> str | None:
        """
        A life that is stopped at *step*, for so long that its session runs out; then it goes on.

        *meanwhile* is called with the name of the step while it sleeps. Gives that name, `None` if it did not
        come to that step.
        """
        with self._held_at(step, handle) as (process, hold, going):
            if hold.name is not None:
                number = process.beside("steps").pid()
                os.kill(number, signal.SIGSTOP)
                self._topic.evict()
                meanwhile(hold.name)
                os.kill(number, signal.SIGCONT)
                hold.let_go()
            going.result()
        self._topic.evict()
        return hold.name

    def to_the_end(self, handle: Callable[[Any], Any] | None = None, wait_s: float = WAIT_S) -> None:
        """A life that ends when all is read."""
        with self._answers.another_process() as process:
            life = process.beside("steps").life(NEVER, _never)
            consumer = self._made(process, life, handle)
            errors = life.run(consumer, wait_s, 100, self._topic.is_read, DEADLINE_S)
            is_read(self._topic, errors)
            consumer.close()

    def once(self, handle: Callable[[Any], Any] | None = None, *, limit: int = 100) -> Any:
        """A process that calls `run_once` until it has taken something, and is killed."""
        with self._answers.another_process() as process:
            life = process.beside("steps").life(NEVER, _never)
            consumer = self._made(process, life, handle)
            taken = first_taken(consumer, limit)
            process.kill()
        self._topic.evict()
        return taken

    @contextmanager
    def _held_at(
        self, step: int, handle: Callable[[Any], Any] | None
    ) -> Iterator[tuple[Any, Hold, Background]]:
        hold = Hold()
        with self._answers.another_process() as process:
            life = process.beside("steps").life(step, hold.reached)
            consumer = self._made(process, life, handle)
            going = background(
                lambda: life.run(consumer, WAIT_S, self._limit, self._topic.is_read, DEADLINE_S)
            )
            _until(lambda: hold.name is not None or going.is_over)
            try:
                yield process, hold, going
            finally:
                with suppress(ProcessLookupError):
                    hold.let_go()

    def _made(self, process: Any, life: Any, handle: Callable[[Any], Any] | None) -> Any:
        return self._make(process, None if handle is None else life.handling(handle))


def first_taken(consumer: Any, limit: int = 100) -> Any:
    """Call `run_once` until it says that it has taken something; what it said."""
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        taken = consumer.run_once(WAIT_S, limit)
        expect(
            type(taken) is int and 0 <= taken <= limit,
            expected=f"run_once to return how many records it took, at most {limit}",
            got=f"{taken!r}",
        )
        if taken:
            return taken
    expect(False, expected=f"run_once to take a record within {DEADLINE_S:g} s", got="0 each time")
    return 0


def read_on(consumer: Any, topic: Topic) -> None:
    """Call `run_once` until all of *topic* is committed."""
    until = time.monotonic() + DEADLINE_S
    while consumer.run_once(WAIT_S, 100) or not topic.is_read():
        if time.monotonic() > until:
            break
    is_read(topic)


def take(consumer: Any, many: int, limit: int = 100) -> None:
    """Call `run_once` until it has taken *many* records in all, or more."""
    taken = 0
    while taken < many:
        taken += first_taken(consumer, limit)


def side_by_side(answers: Any, topic: Topic, makers: Iterable[Callable[[Any], Any]], limit: int = 20) -> None:
    """
    A consumer of each of *makers*, in processes of their own, until all of *topic* is committed.

    One begins, and each of the others joins when it has begun to read.
    """
    with ExitStack() as open_:
        runs = []
        for made in makers:
            process = open_.enter_context(answers.another_process())
            life, consumer = process.beside("steps").life(NEVER, _never), made(process)
            runs.append(
                background(lambda one=life, c=consumer: one.run(c, WAIT_S, limit, topic.is_read, DEADLINE_S))
            )
            before = topic.committed()
            _until(lambda b=before, r=runs: topic.committed() != b or r[-1].is_over)
        errors = [error for run in runs for error in run.result()]
    topic.evict()
    is_read(topic, errors)


def is_read(topic: Topic, errors: Sequence[str] = ()) -> None:
    """All of *topic* is committed; *errors* were raised meanwhile."""
    expect(
        topic.is_read(),
        expected=f"all payments to be read and committed within {DEADLINE_S:g} s",
        got=f"committed: {topic.committed()}, and the topic ends at {topic.ends}"
        + (f"; raised: {errors[-1]}" if errors else ""),
        perhaps="run_once commits too little, or stops at something that it should pass over",
    )


def _until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + DEADLINE_S
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)


def _never(_name: str) -> None:
    """The step that is never reached."""
