"""
What door `process` costs: a call, a callback, a batch of events, a child; beside door `direct`, in turn.

    python benchmarks/door_overhead.py [--rounds 7]

The references: for calls the same function in this process (door `direct`) and an echo of as many bytes
over a socket to another thread; for a child a bare `python -I -c pass`, which has imported nothing. What
counts is the median of the rounds; figures of different runs must not be compared.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from labs.lab3.events import ItemAdded
from pytest_labkit.answers.child.children import Children
from pytest_labkit.answers.child.preload import Preload
from pytest_labkit.answers.door import Answers
from pytest_labkit.course import manifest
from pytest_labkit.course.submission import Staged, stage

ROOT = Path(__file__).parents[1]
ORDER = "def same(value): return value\ndef back(f): return f(1)\n"
EVENTS = [ItemAdded(order_id="1", item_id=f"item-{number}", quantity=number) for number in range(1, 101)]

Row = Callable[[], float]  # one round: milliseconds


def each(call: Callable[[], object], times: int) -> float:
    """Milliseconds of one of so many calls."""
    start = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - start) / times * 1e3


def calls(answers: Answers) -> dict[str, Row]:
    """Calls through a door."""
    same, back = answers.order.same, answers.order.back

    def plus(number: int) -> int:
        return number + 1

    return {
        "a call": lambda: each(lambda: same(1), 200),
        "a callback": lambda: each(lambda: back(plus), 200),
        "100 events there and back": lambda: each(lambda: same(EVENTS), 20),
    }


def echo() -> Row:
    """A byte to another thread over a socket and back: what no door of this kind can do without."""
    ours, theirs = socket.socketpair()

    def answer() -> None:
        while data := theirs.recv(64):
            theirs.sendall(data)

    threading.Thread(target=answer, daemon=True).start()

    def once() -> None:
        ours.sendall(b"x")
        ours.recv(64)

    return lambda: each(once, 200)


def children(staged: Staged, made: Children) -> dict[str, Row]:
    """A fresh child that has loaded a student's file, and is gone again."""

    def one() -> None:
        answers = Answers(staged, ROOT, "process", made)
        answers.order  # noqa: B018 - loads it
        answers.close()

    def bare() -> None:
        subprocess.run([sys.executable, "-I", "-c", "pass"], check=True)

    return {"a child": lambda: each(one, 5), "python -I -c pass": lambda: each(bare, 2)}


def measured(rows: dict[str, Row], rounds: int) -> dict[str, float]:
    """The median of each, taken in turn, after a round that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in rows}
    for number in range(rounds + 1):
        for name, row in rows.items():
            took = row()
            if number:
                taken[name].append(took)
    return {name: median(times) for name, times in taken.items()}


def table(found: dict[str, float]) -> str:
    """What each cost, and how that is to its reference."""
    lines = [f"{'':28} {'process':>11} {'reference':>11}  which is"]
    for name in ("a call", "a callback", "100 events there and back"):
        lines.append(f"{name:28} {found[name]:>8.3f} ms {found['echo']:>8.3f} ms  an echo over a socket")
        lines.append(f"{'':28} {'':>11} {found[f'{name}, direct']:>8.3f} ms  the same through door direct")
    lines.append(
        f"{'a child, from start to end':28} {found['a child']:>8.1f} ms {found['python -I -c pass']:>8.1f} ms"
        "  python -I -c pass"
    )
    return "\n".join(lines)


def main() -> None:
    """Measure in turn, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, choices=range(1, 31), metavar="1…30")
    rounds = parser.parse_args().rounds
    lab = manifest.read(ROOT / "labs" / "lab3", ROOT)
    with tempfile.TemporaryDirectory() as folder:
        answers_folder, into = Path(folder) / "answers", Path(folder) / "staged"
        answers_folder.mkdir()
        into.mkdir()
        (answers_folder / "order.py").write_text(ORDER)
        staged = stage(lab, (answers_folder,), into)
        made = Children(Preload.of(staged, ROOT))
        doors = {door: Answers(staged, ROOT, door, made) for door in ("process", "direct")}
        try:
            rows = {**calls(doors["process"]), "echo": echo(), **children(staged, made)}
            rows |= {f"{name}, direct": row for name, row in calls(doors["direct"]).items()}
            print(table(measured(rows, rounds)))
            print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
        finally:
            for answers in doors.values():
                answers.close()
            made.close()


if __name__ == "__main__":
    main()
