"""What is tried of a lab (stubs, model answers, other right designs, mutants) and what must come of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_labkit.cli.project import meant
from pytest_labkit.course.designs import Design, designs
from pytest_labkit.course.mutants import Mutant, mutants
from pytest_labkit.course.testfiles import files_of
from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.domain.model import Criterion, Lab

TODO, PASSED, CAUGHT = frozenset({"todo"}), frozenset({"passed"}), frozenset({"failed", "error"})
TESTS_XML = "tests.xml"


@dataclass(frozen=True)
class Trial:
    """
    A run of *lab* on *answers*, and the verdicts that it has to end with.

    Args:
        lab: The lab.
        name: `stubs`, `solution`, or the name of a design or a mutant.
        where: What is tried, for people.
        answers: Folders of answers, the first that has a file wins.
        expected: Criterion -> the verdicts that are right; no other criterion is run.
        advice: What to do where a verdict is another, by criterion; `None` for all that are not named.
        files: Path -> text of answers that lie above all folders.
        caught_by: The test that must not pass, as `file::function`, if there is one.
        quick: Whether no other test is run.
    """

    lab: Lab
    name: str
    where: str
    answers: tuple[Path, ...]
    expected: Mapping[str, frozenset[str]]
    advice: Mapping[str | None, str]
    files: Mapping[str, str] = field(default_factory=dict)
    caught_by: str = ""
    quick: bool = False

    def arguments(self, root: Path, folder: Path) -> list[str]:
        """What pytest is called with, in *root*; reports and the trial's own answers are in *folder*."""
        place = self.lab.folder.relative_to(root).as_posix()
        alone = self.quick and self.caught_by
        return [
            self._place_of_test(root) if alone else place,
            *(f"--lab-answers={answers}" for answers in self._all_answers(folder)),
            *(f"--lab-criterion={id_}" for id_ in self.expected),
            f"--lab-report={folder}",
            f"--junitxml={folder / TESTS_XML}",
            *("-q", "-p", "no:cacheprovider"),
            *self._how_far(),
        ]

    def _how_far(self) -> list[str]:
        """A test that has to fail is seen only if those after the first failure are run."""
        if not self.caught_by:
            return []
        return ["--exitfirst"] if self.quick else ["--lab-all"]

    def write_files(self, folder: Path) -> None:
        """Write the trial's own answers into *folder*."""
        for path, text in self.files.items():
            file = folder / "answers" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")

    def _all_answers(self, folder: Path) -> list[Path]:
        return [*([folder / "answers"] if self.files else []), *self.answers]

    def _place_of_test(self, root: Path) -> str:
        """The test that must not pass, as pytest is called with it in *root*."""
        file, _, function = self.caught_by.partition("::")
        path = next(iter(files_of(self.lab.folder, file)), self.lab.folder / file)
        return f"{path.relative_to(root).as_posix()}::{function}"


@dataclass(frozen=True)
class Proof:
    """
    What proves *lab*.

    *fast* leaves out what is timed, designs that no mutant is made of, and all tests of a mutant but the one
    that it names.
    """

    lab: Lab
    root: Path
    fast: bool = False

    @property
    def trials(self) -> Iterator[Trial]:
        """The stubs, the model answers, every other design, and every mutant."""
        yield from (self.stubs(), self.solution())
        yield from map(self.design, designs(self.lab, self._solutions))
        yield from map(self.mutant, mutants(self.lab, self._solutions))

    def needed(self, trials: Sequence[Trial]) -> list[Trial]:
        """Of *trials*, all but what *fast* does without: designs that no mutant is made of."""
        bases = {mutant.base for mutant in mutants(self.lab, self._solutions)}
        names = {design.name for design in designs(self.lab, self._solutions)}
        left_out = names - bases if self.fast else set()
        return [trial for trial in trials if trial.name not in left_out]

    @property
    def _solutions(self) -> Path:
        return self.root / "solutions"

    @property
    def _criteria(self) -> tuple[Criterion, ...]:
        return (*self.lab.criteria, *self.lab.challenges)

    @property
    def _tried(self) -> list[Criterion]:
        return [criterion for criterion in self._criteria if not (self.fast and criterion.targets)]

    def stubs(self) -> Trial:
        """The lab as it is given out: whatever is called first says that it is still to do."""
        advice = (
            'let what it calls first raise NotImplementedError("TODO {id}: …") in {place}'.format(
                id=criterion.id, place=criterion.look_at or ", ".join(self.lab.answers)
            )
            for criterion in self._criteria
        )
        ids = [criterion.id for criterion in self._criteria]
        return Trial(
            self.lab,
            "stubs",
            "untouched stubs",
            (),
            dict.fromkeys(ids, TODO),
            dict(zip(ids, advice, strict=True)),
        )

    def solution(self) -> Trial:
        """The model answers."""
        mend = f"mend solutions/{self.lab.folder.name}, or the test if it asks for more than the README says"
        expected = {criterion.id: PASSED for criterion in self._tried}
        return Trial(self.lab, "solution", "model answers", (self._solutions,), expected, {None: mend})

    def design(self, design: Design) -> Trial:
        """A right design over the model answers: its parts pass; a challenge is beyond them."""
        return Trial(
            self.lab,
            design.name,
            f"designs/{design.name}",
            (design.folder, self._solutions),
            {
                criterion.id: PASSED
                for criterion in self._tried
                if design.has_to_pass(criterion) and criterion not in self.lab.challenges
            },
            {None: "a right design has to pass: mend it, or the test if it asks for more than the README"},
        )

    def mutant(self, mutant: Mutant) -> Trial:
        """
        A mutant over the model answers: caught by its criterion, and by no other of the same part.

        Other parts are not asked: the answers of a later one may build on what the mutant has broken.
        """
        id_, also = mutant.criterion, mutant.also_fails
        part = self.lab.criterion(id_).part
        spared = [c.id for c in self._criteria if c.part == part and not c.targets and c.id not in also]
        return Trial(
            self.lab,
            mutant.id,
            f"mutants/{id_}.toml: {mutant.id}",
            (self._solutions,),
            dict.fromkeys([] if self.fast else spared, PASSED) | {id_: CAUGHT},
            {
                id_: f"write a test of {id_} that shows it ({mutant.why}), or take it out",
                None: f'narrow it, or name the criterion in mutants/{id_}.toml: also_fails = ["…"]',
            },
            mutant.files(self.lab),
            mutant.caught_by,
            self.fast,
        )


def chosen(proofs: Sequence[Proof], only: str | None) -> list[tuple[Proof, list[Trial]]]:
    """
    The trials of each of *proofs*, or those that are called *only*.

    Raises:
        UsageProblem: Nothing is called so.
    """
    planned = [(proof, list(proof.trials)) for proof in proofs]
    if only is None:
        return [(proof, proof.needed(trials)) for proof, trials in planned]
    named = [(proof, [trial for trial in trials if trial.name == only]) for proof, trials in planned]
    if found := [(proof, trials) for proof, trials in named if trials]:
        return found
    known = [trial.name for _, trials in planned for trial in trials]
    raise UsageProblem(f"There is nothing called {only!r} to try.{meant(only, known)}")


def diff(mutant: Mutant, lab: Lab) -> Iterator[str]:
    """The unified diff from a mutant's base to the mutant, line by line."""
    base, made = mutant.base_files(lab), mutant.files(lab)
    for file in made:
        before, after = (text.splitlines() for text in (base[file], made[file]))
        yield from difflib.unified_diff(
            before, after, f"{mutant.base}/{file}", f"{mutant.id}/{file}", lineterm=""
        )
