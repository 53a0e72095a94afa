"""Submissions that cheat: each gets exactly the verdicts, status and exit code that its folder says."""

from __future__ import annotations

import pytest

from tests.attacks.conftest import ATTACKS, DOORS, HONEST, Attack, Labs

CASES = [(attack, door) for attack in (HONEST, *ATTACKS) for door in DOORS if door in attack.expected]


@pytest.mark.parametrize(("attack", "door"), CASES, ids=[f"{a.folder.name}-{door}" for a, door in CASES])
def test_a_submission_gets_what_it_deserves(attack: Attack, door: str, labs: Labs) -> None:
    """What was tried comes to exactly what is expected of it, and what lies beside the answers is named."""
    run, expected = labs.run_of(attack, door), attack.expected[door]
    assert expected.verdicts == run.verdicts, run.output
    assert expected.exit == run.exit, run.output
    if run.report is not None:
        assert expected.status == run.report["status"], run.output
        models = {"README.md", "designs/", "mutants/", "proof.toml"}
        beside = models if attack.lab == "lab3" else set()
        beside |= set() if attack.mutant else {path.name for path in attack.folder.glob("attack.toml")}
        assert sorted([*attack.ignored, *beside]) == run.report["ignored"]
    assert (expected.says or "") in run.says, run.output
