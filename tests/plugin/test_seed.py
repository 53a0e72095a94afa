"""A run can be had again: it names its seed, and `--lab-seed` takes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.plugin.conftest import RIGHT, TESTS, TinyLab

CHANCE = '''
import json, pathlib

@pytest.mark.criterion("A1")
@pytest.mark.parametrize("case", [1, 2])
def test_chance(answers, seed, rng, request, case):
    """Chance is written down."""
    with pathlib.Path(request.config.rootpath, "chance.jsonl").open("a") as file:
        print(json.dumps([request.node.name, seed, rng.random()]), file=file)
    answers.calc.add(1, 1)
'''


@pytest.fixture
def chancy(lab: TinyLab) -> TinyLab:
    """The tiny lab, done, with a test that writes down what chance gave it."""
    lab.write("calc.py", RIGHT)
    lab.write("test_calc.py", TESTS + CHANCE)
    return lab


def chances(lab: TinyLab) -> dict[str, list[Any]]:
    """What chance gave in the last run, by test."""
    file = lab.root / "chance.jsonl"
    found = {name: rest for name, *rest in map(json.loads, file.read_text().splitlines())}
    file.unlink()
    return found


def test_a_run_names_its_seed(chancy: TinyLab) -> None:
    """In its first line and in its report; given to the next run, chance is the same in every test."""
    result = chancy.run()
    drawn = chancy.report["seed"]
    result.stdout.fnmatch_lines([f"*tiny: A tiny lab · door direct · seed {drawn}*"])
    before = chances(chancy)
    assert 2 == len({tuple(chance) for chance in before.values()})  # each test has chance of its own
    chancy.run("--lab-seed", str(drawn))
    assert drawn == chancy.report["seed"]
    assert before == chances(chancy)


def test_another_seed_is_other_chance(chancy: TinyLab) -> None:
    """The number counts."""
    chancy.run("--lab-seed", "1")
    before = chances(chancy)
    chancy.run("--lab-seed", "2")
    assert before != chances(chancy)


def test_selection_does_not_change_chance(chancy: TinyLab) -> None:
    """One test alone gets what it got among all."""
    chancy.run("--lab-seed", "0")
    before = chances(chancy)
    chancy.run("--lab-seed", "0", "-k", "chance and 2")
    assert {"test_chance[2]": before["test_chance[2]"]} == chances(chancy)


def test_workers_have_the_seed_of_the_run(chancy: TinyLab) -> None:
    """Drawn once, whoever runs the test."""
    chancy.run_apart("-n", "2")
    drawn, before = chancy.report["seed"], chances(chancy)
    chancy.run("--lab-seed", str(drawn))
    assert before == chances(chancy)


def test_a_seed_is_a_whole_number(chancy: TinyLab) -> None:
    """Anything else is a usage error that says so."""
    result = chancy.run("--lab-seed", "x")
    assert 4 == result.ret
    result.stderr.fnmatch_lines(["*The seed 'x' is no whole number.", "*Take the one that a report names."])
