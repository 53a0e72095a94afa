"""What is wrong with the mutants and designs of a lab, with file and line, as far as the files show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_labkit.course import promises
from pytest_labkit.course.designs import FILE, designs
from pytest_labkit.course.mutants import Mutant, files_of, read
from pytest_labkit.course.submission import matching
from pytest_labkit.course.testfiles import tests_of
from pytest_labkit.course.toml_lines import Misfit
from pytest_labkit.domain.model import Lab


def problems(lab: Lab, solutions: Path) -> Iterator[str]:
    """What is wrong with the mutants and designs of *lab* in *solutions*: a sentence each."""
    yield from _designs(lab, solutions)
    mutants: list[Mutant] = []
    for path in files_of(lab, solutions):
        try:
            mutants += read(path)
        except Misfit as misfit:
            yield from misfit.what.splitlines()
    yield from _known(mutants, lab)
    yield from _promised(mutants, lab)
    yield from _caught(mutants, tests_of(lab))
    yield from _made(mutants, lab)
    tried = {path.stem for path in files_of(lab, solutions)}
    for criterion in lab.criteria:
        if criterion.id not in tried:
            yield f"{lab.id}: no mutant is there for {criterion.id} to catch"


def _designs(lab: Lab, solutions: Path) -> Iterator[str]:
    try:
        found = designs(lab, solutions)
    except Misfit as misfit:
        yield from misfit.what.splitlines()
        return
    for design in found:
        where = f"{lab.id}: designs/{design.name}"
        known = [part.id for part in lab.parts]
        for part in design.parts:
            if part not in known:
                yield f"{where}: lab.toml has no part {part}; it has {', '.join(known)}"
        answers = matching(design.folder, lab.answers)
        if not answers:
            yield f"{where}: there is no file of a student's in it ({', '.join(lab.answers)})"
        for path in sorted(p.relative_to(design.folder).as_posix() for p in design.folder.rglob("*.*")):
            if path not in (*answers, FILE) and "__pycache__" not in path:
                yield f"{where}: {path} is no file of a student's, and is not used"


def _known(mutants: list[Mutant], lab: Lab) -> Iterator[str]:
    """Ids that are under another criterion, and criteria that the lab does not have."""
    known = [criterion.id for criterion in (*lab.criteria, *lab.challenges)]
    for mutant in mutants:
        if not mutant.id.startswith(f"{mutant.criterion}_"):
            yield mutant.misfit(
                f"its id begins with the criterion that catches it: {mutant.criterion}_…"
            ).what
        for id_, *place in ((mutant.criterion,), *((other, "also_fails") for other in mutant.also_fails)):
            if id_ not in known:
                yield mutant.misfit(
                    f"lab.toml has no criterion {id_}; it has {', '.join(known)}", *place
                ).what
        if mutant.also_fails and len(mutant.also_why) < 20:
            yield mutant.misfit("also_why says why it cannot but fail them too", "also_fails").what


def _promised(mutants: list[Mutant], lab: Lab) -> Iterator[str]:
    """Promises that the contract does not have, or that are no business of the mutant's criterion."""
    known = {promise.id for promise in promises.read(lab)}
    for mutant in mutants:
        if known and not mutant.breaks:
            yield mutant.misfit(f'it names no promise that it breaks: breaks = ["{mutant.criterion}.1"]').what
        for id_ in mutant.breaks:
            if id_ not in known:
                own = [one for one in sorted(known) if one.startswith(f"{mutant.criterion}.")]
                told = f"; of {mutant.criterion} it has {', '.join(own)}" if own else ""
                yield mutant.misfit(f"{promises.README} has no promise {id_}{told}", "breaks").what
        if mutant.breaks and not mutant.breaks[0].startswith(f"{mutant.criterion}."):
            yield mutant.misfit(
                f"it breaks {mutant.breaks[0]} first, not a promise of its criterion", "breaks"
            ).what


def _caught(mutants: list[Mutant], tests: Mapping[str, list[str]]) -> Iterator[str]:
    for mutant in mutants:
        own = tests.get(mutant.criterion, [])
        if mutant.caught_by not in own:
            told = f"{mutant.caught_by} is no test of {mutant.criterion}; those are {', '.join(own)}"
            yield mutant.misfit(told, "caught_by").what


def _made(mutants: list[Mutant], lab: Lab) -> Iterator[str]:
    for mutant in mutants:
        try:
            mutant.files(lab)
        except Misfit as misfit:
            yield misfit.what
