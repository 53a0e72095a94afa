"""
What door `process` costs: a call, a callback, a batch of events, a child; beside door `direct`, in turn.

    python benchmarks/door_overhead.py [--rounds 7] [--lab-rounds 5]

The references: for calls the same function in this process (door `direct`) and an echo of as many bytes
over a socket to another thread; for a child a bare `python -I -c pass`, which has imported nothing; for
the criteria A1 to A6 of lab 3, with its model answers and the services running, the same run through
door `direct`. What counts is the median of the rounds, and for the lab that of the rounds' ratios;
figures of different runs must not be compared. Round trips are counted, not measured. With
`--lab-rounds 0` no service is needed.
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
from unittest.mock import patch

from labs.lab3.events import ItemAdded
from pytest_labkit import services
from pytest_labkit.answers.child.children import Children
from pytest_labkit.answers.child.preload import Preload
from pytest_labkit.answers.door import Answers
from pytest_labkit.answers.rpc.channel import Channel
from pytest_labkit.course import manifest
from pytest_labkit.course.submission import Staged, stage
from pytest_labkit.domain.model import Lab
from pytest_labkit.host import settings

ROOT = Path(__file__).parents[1]
ORDER = """
def same(value): return value
def back(f): return f(1)
class Store:
    def append(self, value): return value
"""
PART_A = [word for number in range(1, 7) for word in ("--lab-criterion", f"A{number}")]
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


def round_trips(staged: Staged, made: Children) -> dict[str, int]:
    """How often the first line of a test, and a call of a method after it, wait for the child."""
    replies = 0
    receive = Channel.receive

    def counted(channel: Channel) -> dict[str, object] | None:
        nonlocal replies
        frame = receive(channel)
        replies += frame is not None and "reply" in frame
        return frame

    with patch.object(Channel, "receive", counted):
        answers = Answers(staged, ROOT, "process", made)
        answers.order.Store().append(1)
        first = replies
        store = answers.order.Store()
        before = replies
        store.append(1)
        found = {"a method call": replies - before, "the first line of a test": first}
        answers.close()
    return found


def lab_run(door: str) -> float:
    """Milliseconds of A1 to A6 of lab 3 with the model answers, from pytest's start to its end."""
    start = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "labs/lab3", "--lab-solution", "--lab-door", door, *PART_A],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode not in (0, 22):  # 22: the other criteria were not run
        sys.exit(f"door {door}: pytest ended with {ended.returncode}:\n{ended.stdout[-2000:]}")
    return (time.perf_counter() - start) * 1e3


def lab_runs(lab: Lab, rounds: int) -> str:
    """The two doors in turn, the one or the other first, after a round that only fills caches."""
    chosen = settings.resolve(ROOT)
    kept = services.status(chosen)
    services.up(chosen, lab.services, say=lambda line: print(line, file=sys.stderr))
    took: list[dict[str, float]] = []
    try:
        for number in range(rounds + 1):
            doors = ("process", "direct") if number % 2 else ("direct", "process")
            one = {door: lab_run(door) for door in doors}
            took += [one] if number else []
    finally:
        if not kept:
            services.down(chosen)
    process, direct = (median(one[door] for one in took) for door in ("process", "direct"))
    ratios = sorted(one["process"] / one["direct"] for one in took)
    return (
        f"{'lab 3, A1 to A6':28} {process / 1e3:>9.1f} s {direct / 1e3:>9.1f} s  the same, door direct\n"
        f"{'':28} {median(ratios):>9.2f} of it, should be 1.2 at most ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


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
    parser.add_argument("--lab-rounds", type=int, default=5, choices=range(31), metavar="0…30")
    options = parser.parse_args()
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
            for what, trips in round_trips(staged, made).items():
                print(f"{what:28} {trips:>11} round trip{'s' * (trips > 1)}")
            print(table(measured(rows, options.rounds)))
        finally:
            for answers in doors.values():
                answers.close()
            made.close()
    if options.lab_rounds:
        print(lab_runs(lab, options.lab_rounds))
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
