"""What the student's own analysis says of a run: asked in a process of its own, ended if it hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_labkit.simulator import trouble
from pytest_labkit.simulator.cast import Cast
from pytest_labkit.simulator.ledger import Ledger
from pytest_labkit.simulator.plan import Plan


class Unanswered(Exception):
    """It raised, died or hung; the text says so in a sentence."""


class Questions:
    """Asks the answers of *cast*; what comes of it is said to *ledger*."""

    def __init__(self, cast: Cast, ledger: Ledger, hangs_s: float) -> None:
        self._cast = cast
        self._ledger = ledger
        self._hangs_s = hangs_s

    def analysis(self) -> dict[str, Any]:
        """What `analyze_message_order` says of all records, beside what the kit found."""
        with self._ledger.lock:
            marks, found = self._ledger.marks[:], self._ledger.counts()
        rows = [[m.partition, m.offset, int(1000 * m.at), m.key, m.sequence] for m in marks]
        ours = {
            "messages": len(rows),
            "inversions": found["violations"],
            "duplicates": found["duplicates"],
        }
        try:
            theirs = self._ask("analyze_message_order", lambda lab: lab.analysis(rows))
        except Unanswered as error:
            self._ledger.say(str(error), "bad")
            return {"said": str(error), "kit": ours}
        return {"theirs": theirs, "kit": ours}

    def order(self, topic: str, plan: Plan) -> None:
        """Say what `read_in_order` makes of *topic*, now that all of *plan* lies there."""
        try:
            got = self._ask("read_in_order", lambda lab: lab.in_order(topic))
        except Unanswered as error:
            self._ledger.say(str(error), "bad")
            return
        wrong = wrong_order(got, plan.by_key())
        said = wrong or f"read_in_order gives all {len(got)} in the right order"
        self._ledger.say(f"The scenario is over: {said}.", "bad" if wrong else "good")

    def _ask(self, name: str, call: Callable[[Any], Any]) -> Any:
        """
        What *call* gets, told the lab's `simulation.py`; *name* is the student's function.

        Raises:
            Unanswered: It did not answer.
        """
        hung: list[str] = []
        with self._cast.process() as process:
            limit = threading.Timer(
                self._hangs_s, lambda: hung.append(trouble.hung(name, process, self._hangs_s))
            )
            limit.daemon = True
            limit.start()
            try:
                return call(process.beside("simulation"))
            except Exception as error:  # whatever the student's code raises
                limit.cancel()
                limit.join()  # it may be the one who has ended the process
                raise Unanswered(hung[0] if hung else trouble.sentence(name, error)) from None
            finally:
                limit.cancel()


def wrong_order(got: Sequence[Sequence[Any]], expected: Mapping[str, Sequence[int]]) -> str:
    """What is wrong with *got*, key and sequence of each, of what was sent; nothing if all is well."""
    wrong = [key for key in expected if [s for k, s in got if k == key] != expected[key]]
    if wrong:
        return f"read_in_order is wrong for {', '.join(wrong)}"
    sent = sum(map(len, expected.values()))
    if len(got) != sent:
        return f"read_in_order gives {len(got)} messages, and {sent} were sent"
    return ""
