"""
The author's linter: what is wrong with a lab, before a student finds it.

Static: it reads files and runs nothing. That stubs are `todo`, that model answers pass and that each
mutant is caught is for runs to show, which `trials` makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pytest_labkit.cli.check_labs import mutant_linter
from pytest_labkit.course import hints, promises
from pytest_labkit.course.mutants import broken_by
from pytest_labkit.course.sources import line_of
from pytest_labkit.course.submission import matching
from pytest_labkit.course.testfiles import naming, promises_of, tests_of
from pytest_labkit.domain.model import Lab

TABLE = re.compile(r"(<!-- criteria -->\n).*?(<!-- /criteria -->)", re.DOTALL)


def problems(lab: Lab, root: Path) -> list[str]:
    """What is wrong with *lab*, a sentence each; empty if nothing is."""
    return [
        *_criteria(lab),
        *_hints(lab),
        *_tests(lab),
        *_stubs(lab),
        *_readme(lab),
        *_solutions(lab, root / "solutions"),
        *_promises(lab, root / "solutions"),
    ]


def _promises(lab: Lab, solutions: Path) -> Iterator[str]:
    yield from promises.problems(lab, promises_of(lab), broken_by(lab, solutions))
    known = {promise.id for promise in promises.read(lab)}
    for id_ in sorted(set(promises_of(lab)) - known):
        yield from (
            f"{test} names {id_}, a promise that README.md does not have" for test in naming(lab, id_)
        )


def criteria_table(lab: Lab) -> str:
    """The Markdown table of the lab's criteria, as its README shows it."""
    rows = [
        f"| {c.id} | {c.title} | {', '.join(f'{t.name} {t} {t.unit}' for t in c.targets)} | {c.points} |"
        for c in lab.criteria
    ]
    total = sum(criterion.points for criterion in lab.criteria)
    head = ["| | what is checked | target | points |", "|---|---|---|--:|"]
    return "\n".join([*head, *rows, f"| | | | **{total}** |"]) + "\n"


def with_table(readme: str, lab: Lab) -> str:
    """*readme* with the table of criteria between its markers brought up to date."""
    return TABLE.sub(lambda match: f"{match[1]}{criteria_table(lab)}{match[2]}", readme)


def write_table(lab: Lab) -> None:
    """Bring the table of criteria in the lab's README up to date, if it has a place for one."""
    path = lab.folder / "README.md"
    if path.is_file():
        path.write_text(with_table(path.read_text("utf-8"), lab), "utf-8")


def _criteria(lab: Lab) -> Iterator[str]:
    for criterion in (*lab.criteria, *lab.challenges):
        where = f"{lab.id}: {criterion.id}"
        if criterion.points < 1 and criterion in lab.criteria:
            yield f"{where} is worth 0 points: a whole number above 0, or make it a challenge"
        file, _, name = (criterion.look_at or "").partition(":")
        if file and not _defines(lab.folder / file, name):
            yield f"{where} looks at {criterion.look_at}, which the stub does not define"


def _hints(lab: Lab) -> Iterator[str]:
    known = [criterion.id for criterion in (*lab.criteria, *lab.challenges)]
    found = hints.read(lab)
    for id_ in known:
        given = found.get(id_, ())
        if len(given) != hints.STEPS or not all(hint.strip() for hint in given):
            wanted = f"{hints.FILE} has three for each: a question, a narrower one, almost the answer"
            yield f"{lab.id}: {id_} has {sum(bool(hint.strip()) for hint in given)} hints: {wanted}"
    for id_ in sorted(found.keys() - set(known)):
        yield f"{lab.id}: {hints.FILE} has hints on {id_}, which lab.toml does not have"
    path = lab.folder / hints.FILE
    if path.is_file() and not path.read_text("utf-8").startswith(hints.WARNING):
        yield f"{lab.id}: the first line of {hints.FILE} has to warn its reader: {hints.WARNING}"


def _defines(path: Path, name: str) -> bool:
    """Whether *path* has the whole of the dotted *name*; any file that is there has the empty one."""
    outer = name.rpartition(".")[0]
    if not path.is_file():
        return False
    return not name or line_of(path, name) not in (None, line_of(path, outer) if outer else None)


def _tests(lab: Lab) -> Iterator[str]:
    known = {criterion.id for criterion in (*lab.criteria, *lab.challenges)}
    tests = tests_of(lab)
    for id_ in sorted(known - tests.keys()):
        yield f"{lab.id}: no test checks {id_}"
    for id_ in sorted(tests.keys() - known):
        yield f"{lab.id}: {tests[id_][0]} checks {id_}, which lab.toml does not have"


def _stubs(lab: Lab) -> Iterator[str]:
    stubs = matching(lab.folder, lab.answers)
    for pattern in lab.answers:
        if not matching(lab.folder, (pattern,)):
            yield f"{lab.id}: there is no stub for {pattern}"
    for stub in stubs:
        if "TODO" not in (lab.folder / stub).read_text("utf-8"):
            yield f"{lab.id}: the stub {stub} has no TODO"


def _readme(lab: Lab) -> Iterator[str]:
    path = lab.folder / "README.md"
    text = path.read_text("utf-8") if path.is_file() else ""
    if not TABLE.search(text):
        yield f"{lab.id}: README.md has no place for the table of criteria (<!-- criteria -->)"
    elif with_table(text, lab) != text:
        yield f"{lab.id}: README.md shows other criteria than lab.toml: labkit check-labs --write"


def _solutions(lab: Lab, solutions: Path) -> Iterator[str]:
    own = solutions / lab.folder.name
    for stub in matching(lab.folder, lab.answers):
        if not (own / stub).is_file():
            yield f"{lab.id}: there is no model answer for {stub}"
    yield from mutant_linter.problems(lab, solutions)
