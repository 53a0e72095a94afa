"""What is tried of the labs: every trial of `labkit check-labs`, and which of them on every change."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_labkit.cli.check_labs.plan import Proof, Trial
from pytest_labkit.course import manifest
from pytest_labkit.course.designs import Design, designs
from pytest_labkit.course.mutants import Mutant, mutants
from pytest_labkit.domain.model import Lab

ROOT = Path(__file__).parents[2]
DOORS = ("direct", "process")
REFUSED_S = 60.0
"""A wrong answer is refused in that time."""


@dataclass(frozen=True)
class Proven:
    """A *lab*, its designs and mutants, and what its `proof.toml` says of them."""

    lab: Lab

    @cached_property
    def told(self) -> dict[str, dict[str, Any]]:
        """What `proof.toml` says."""
        return tomllib.loads((ROOT / "solutions" / self.lab.folder.name / "proof.toml").read_text("utf-8"))

    @cached_property
    def mutants(self) -> list[Mutant]:
        """All mutants."""
        return mutants(self.lab, ROOT / "solutions")

    @cached_property
    def designs(self) -> list[Design]:
        """All other right designs."""
        return designs(self.lab, ROOT / "solutions")

    def solution(self, criteria: list[str] | None = None) -> Trial:
        """The model answers on *criteria*, or on all."""
        whole = Proof(self.lab, ROOT).solution()
        if criteria is None:
            return replace(whole, name="whole")
        return replace(whole, expected={id_: whole.expected[id_] for id_ in criteria})

    def mutant(self, mutant: Mutant) -> Trial:
        """*mutant* on the test that it names."""
        return Proof(self.lab, ROOT, fast=True).mutant(mutant)

    def every_test(self, mutant: Mutant) -> Trial:
        """*mutant* on all tests of its criterion."""
        return replace(self.mutant(mutant), name=f"{mutant.id}-every", quick=False)

    def first_failure(self, mutant: Mutant) -> Trial:
        """*mutant* on its criterion as a student runs it: up to the first test that fails."""
        return replace(self.mutant(mutant), name=f"{mutant.id}-first", quick=False, caught_by="")

    def design(self, design: Design) -> Trial:
        """*design* on all that is not measured."""
        return Proof(self.lab, ROOT, fast=True).design(design)

    def measured(self, design: Design) -> Trial | None:
        """*design* on what is measured, if it is held to any of that."""
        trial = Proof(self.lab, ROOT).design(design)
        targets = {
            c.id: trial.expected[c.id] for c in self.lab.criteria if c.targets and c.id in trial.expected
        }
        return replace(trial, name=f"{trial.name}-measured", expected=targets) if targets else None

    @cached_property
    def always(self) -> set[str]:
        """The mutants that are tried on every change: the first of each criterion that takes seconds."""
        first = {mutant.criterion: mutant.id for mutant in reversed(self.mutants)}
        return {first[id_] for id_ in self.told["mutants"]["first_of"]}

    def refused_s(self, criterion: str) -> float:
        """In how many seconds of its tests *criterion* refuses a wrong answer."""
        return float(self.told.get("refused_s", {}).get(criterion, REFUSED_S))

    @property
    def draft(self) -> bool:
        """Whether its proofs are still to be made: `proof.toml` says why."""
        return bool(self.told.get("draft"))


LABS = [lab for lab in map(Proven, manifest.find(ROOT)) if not lab.draft]
