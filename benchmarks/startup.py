"""
How long the kit's services take from nothing to ready, beside the same servers started plainly.

    python benchmarks/startup.py [--rounds 5] [--plain-rounds 1] [--only kafka]

Four sets: what lab 3 uses without and with search, Kafka with DynamoDB and Redis, and three brokers. Plainly:
the same programs with the same configuration, side by side too, but with the options that Java has by itself
and no archive. Ready means the same for both: a round trip worked with each server. They take turns; what
counts are the medians. The archives are made before, where there are none. Whatever ends this program, the
servers that it has started end too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from pytest_labkit.host import concurrently, settings
from pytest_labkit.host.interrupts import Interrupts
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import Services, local
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.catalogue import SERVICES
from pytest_labkit.services.jvm import java
from pytest_labkit.services.recipes import Program


@dataclass(frozen=True)
class Group:
    """Services that are started together, and the seconds that this is to take at most."""

    title: str
    names: tuple[str, ...]
    target_s: float
    brokers: int = 1


GROUPS = {
    "lab3": Group("DynamoDB, Redis", ("dynamodb", "redis"), 0.3),
    "search": Group("DynamoDB, Redis, search", ("dynamodb", "redis", "search"), 2.2),
    "kafka": Group("Kafka, DynamoDB, Redis", ("kafka", "dynamodb", "redis"), 1.6),
    "brokers": Group("Kafka, three brokers", ("kafka",), 4.0, brokers=3),
}

Measure = Callable[[Settings, Group], float]


def kit(chosen: Settings, group: Group) -> float:
    """Seconds until the services of a run are ready."""
    start = time.perf_counter()
    with Services(chosen, print) as services:
        services.start(group.names, brokers=group.brokers)
        return time.perf_counter() - start


def plain(chosen: Settings, group: Group) -> float:
    """Seconds until the same servers, with nothing that makes Java start quicker, are ready."""
    running: list[local.Local] = []
    start = time.perf_counter()
    try:
        concurrently.each(lambda name: running.append(_plainly(name, chosen, group.brokers)), group.names)
        return time.perf_counter() - start
    finally:
        concurrently.each(local.Local.stop, running)


def _plainly(name: str, chosen: Settings, brokers: int) -> local.Local:
    """The service *name*, started and owned as the kit's own are, but for the archive and Java's options."""
    recipe = SERVICES[name].processes(chosen, brokers, print)

    def prepare(folder: Path, ports: list[int], options: Sequence[str]) -> tuple[list[Program], Endpoint]:
        programs, endpoint = recipe.prepare(folder, ports, options)
        return [
            replace(program, command=_without(java.FAST, program.command)) for program in programs
        ], endpoint

    return local.start_by(replace(recipe, prepare=prepare, archive=None), name, chosen, say=print)


def _without(options: Sequence[str], command: Sequence[str]) -> list[str]:
    return [word for word in command if word not in options]


def measured(chosen: Settings, group: Group, rounds: int, plain_rounds: int) -> str:
    """A line of the table."""
    kit(chosen, group)  # downloads and archives are there from now on
    taken: dict[Measure, list[float]] = {kit: [], plain: []}
    for number in range(rounds):
        taken[kit].append(kit(chosen, group))
        if number < plain_rounds:
            taken[plain].append(plain(chosen, group))
    ours = median(taken[kit])
    beside = median(taken[plain]) if taken[plain] else float("nan")
    return (
        f"{group.title:<26} {ours:>7.2f} s {min(taken[kit]):>7.2f} s {group.target_s:>7.1f} s"
        f" {beside:>7.2f} s {ours / beside:>6.2f} {os.getloadavg()[0]:>6.1f}"
    )


def measure_all(root: Path, options: argparse.Namespace) -> None:
    """A line for each group, as soon as it is known."""
    chosen = settings.resolve(root, options={"backend": "local"})
    print(f"From nothing running to ready on {os.cpu_count()} cores")
    print(f"{'':<26} {'median':>9} {'best':>9} {'target':>9} {'plain':>9} {'ratio':>6} {'load':>6}")
    for name in options.only or GROUPS:
        print(measured(chosen, GROUPS[name], options.rounds, options.plain_rounds), flush=True)


def main() -> None:
    """Measure, print; stop what runs when asked to end."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 31), metavar="1…30")
    parser.add_argument("--plain-rounds", type=int, default=1, choices=range(31), metavar="0…30")
    parser.add_argument("--only", action="append", choices=GROUPS)
    options = parser.parse_args()
    Interrupts(print).listen()  # a time-out sends SIGTERM: what was started is stopped as after Ctrl-C
    root = Path(tempfile.mkdtemp(prefix="startup-"))
    measure_all(root, options)
    shutil.rmtree(root)  # not if interrupted: the guard finds there what was just starting, and ends it


if __name__ == "__main__":
    main()
