"""
How long the kit's services take from nothing to ready, beside the same servers started plainly.

    python benchmarks/startup.py [--rounds 5] [--brokers 3]

Plainly: the same programs with the same configuration, side by side too, but with the options that Java
has by itself and no archive. Ready means the same for both: a round trip worked with each server. They
take turns; what counts is the median of each, and the median of the rounds' ratios. With --brokers the
servers are a Kafka of so many brokers alone. The archives are made before, where there are none.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from pytest_labkit.host import concurrently, processes, settings
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import NAMES, Services, wait
from pytest_labkit.services.catalogue import SERVICES
from pytest_labkit.services.jvm import java


def kit(chosen: Settings, names: tuple[str, ...], brokers: int) -> float:
    """Seconds until the services of a run are ready."""
    start = time.perf_counter()
    with Services(chosen, print) as services:
        services.start(names, brokers=brokers)
        return time.perf_counter() - start


def plain(chosen: Settings, names: tuple[str, ...], brokers: int) -> float:
    """Seconds until the same servers, with nothing that makes Java start quicker, are ready."""
    with ExitStack() as after:
        start = time.perf_counter()
        concurrently.each(lambda name: _started(name, chosen, brokers, after), names)
        return time.perf_counter() - start


def _started(name: str, chosen: Settings, brokers: int, after: ExitStack) -> None:
    recipe = SERVICES[name].processes(chosen, brokers, print)
    folder = Path(tempfile.mkdtemp(prefix=f"plain-{name}-"))
    after.callback(shutil.rmtree, folder, ignore_errors=True)
    programs, endpoint = recipe.prepare(folder, processes.free_ports(recipe.ports), [])
    for program in programs:
        command = [word for word in program.command if word not in java.FAST]
        child = processes.spawn(command, folder=folder, log=folder / program.log, environ=os.environ)
        after.callback(child.wait)
        after.callback(child.kill)
    wait.until(lambda: recipe.probe(endpoint), deadline_s=180, service=name, awaited=recipe.awaited)


def table(rows: list[tuple[float, float]]) -> str:
    """The seconds of each round, and what they come to."""
    lines = [f"{'round':>6} {'kit':>9} {'plain':>9} {'kit/plain':>10}"]
    lines += [
        f"{number:>6} {one:>7.2f} s {other:>7.2f} s {one / other:>10.2f}"
        for number, (one, other) in enumerate(rows, 1)
    ]
    middle = [median(column) for column in zip(*rows, strict=True)]
    ratio = median(one / other for one, other in rows)
    lines.append(f"{'median':>6} {middle[0]:>7.2f} s {middle[1]:>7.2f} s {ratio:>10.2f}")
    return "\n".join(lines)


def load() -> str:
    """How busy the machine was in the last minute."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def main() -> None:
    """Take turns, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 31), metavar="1…30")
    parser.add_argument("--brokers", type=int, default=1, choices=range(1, 10), metavar="1…9")
    options = parser.parse_args()
    names = NAMES if options.brokers == 1 else ("kafka",)
    with tempfile.TemporaryDirectory() as root:
        chosen = settings.resolve(Path(root), options={"backend": "local"})
        measures: tuple[Callable[[Settings, tuple[str, ...], int], float], ...] = (kit, plain)
        kit(chosen, names, 1)  # downloads and archives are there from now on
        before = load()
        rows = [
            tuple(measure(chosen, names, options.brokers) for measure in measures)
            for _ in range(options.rounds)
        ]
    what = ", ".join(names) if options.brokers == 1 else f"kafka with {options.brokers} brokers"
    print(f"From nothing running to ready: {what}; {before} before, {load()} after")
    print(table([(one, other) for one, other in rows]))


if __name__ == "__main__":
    main()
