"""
How long a student waits, services running, from saving a file to the verdict on one criterion.

    python benchmarks/edit_to_verdict.py [--rounds 5] [--lab lab3] [--criterion A1 --criterion A6]

In turn: `pytest LAB --lab-criterion ID --lab-solution` for each criterion, and pytest on a file with one
empty test, which is what Python and pytest take by themselves. The services are started before, unless
`labkit up` runs them already. Seconds of the clock and of the processors, children included; on a busy
machine only the latter, and the ratio to the empty test, mean anything.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from pytest_labkit import services
from pytest_labkit.course import manifest
from pytest_labkit.host import settings

ROOT = Path(__file__).parents[1]
Figures = tuple[float, float]  # seconds of the clock, seconds of processors


def timed(*arguments: str, cwd: Path, codes: tuple[int, ...]) -> Figures:
    """What `pytest ARGUMENTS` takes; it has to end with one of *codes*."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode not in codes:
        sys.exit(f"pytest {' '.join(arguments)} ended with {ended.returncode}:\n{ended.stdout[-2000:]}")
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(lab: str, criteria: list[str], rounds: int) -> dict[str, list[Figures]]:
    """The figures of each criterion and of an empty test, after a round that only fills caches."""
    figures: dict[str, list[Figures]] = {name: [] for name in [*criteria, "empty"]}
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder)
        (empty / "pytest.ini").write_text("[pytest]\n")
        (empty / "test_empty.py").write_text("def test_empty(): pass\n")
        for number in range(rounds + 1):
            for name, seen in figures.items():
                if name == "empty":
                    found = timed(cwd=empty, codes=(0,))
                else:
                    arguments = (f"labs/{lab}", "--lab-solution", "--lab-criterion", name)
                    found = timed(*arguments, cwd=ROOT, codes=(0, 22))
                seen += [found] if number else []
    return figures


def table(figures: dict[str, list[Figures]]) -> str:
    """A row for each: the medians, and that of the ratios to the empty test in the same round."""
    lines = [f"{'':>8} {'clock':>9} {'processors':>11} {'to the empty test':>18}"]
    for name, seen in figures.items():
        clock, processors = (median(column) for column in zip(*seen, strict=True))
        pairs = zip(seen, figures["empty"], strict=True)
        ratio = median(one[1] / other[1] for one, other in pairs)
        lines.append(f"{name:>8} {clock:>7.2f} s {processors:>9.2f} s {ratio:>18.1f}")
    return "\n".join(lines)


def main() -> None:
    """Start what the lab needs, measure, print the table, stop what was started."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 31), metavar="1…30")
    parser.add_argument("--lab", default="lab3")
    parser.add_argument("--criterion", action="append", help="default: A1 and A6 of lab 3")
    options = parser.parse_args()
    chosen = settings.resolve(ROOT)
    kept = {service.endpoint.service for service in services.status(chosen)}
    services.up(chosen, manifest.read(ROOT / "labs" / options.lab, ROOT).services, say=print)
    try:
        figures = measured(options.lab, options.criterion or ["A1", "A6"], options.rounds)
    finally:
        if not kept:
            services.down(chosen)
    print(f"From edit to verdict, services running; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(table(figures))


if __name__ == "__main__":
    main()
