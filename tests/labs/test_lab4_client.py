"""Lab 4: a payment client that cannot be loaded is the student's error, through both doors."""

from __future__ import annotations

import pytest

from pytest_labkit.cli.check_labs.plan import Trial
from pytest_labkit.course import manifest
from tests.labs.conftest import ROOT, Trials
from tests.labs.proofs import DOORS

LAB = manifest.read(ROOT / "labs" / "lab4", ROOT)
CLIENT = (ROOT / "solutions" / "lab4" / "payment_client.py").read_text("utf-8")
TRIAL = Trial(
    LAB,
    "cannot_be_loaded",
    "a client that imports nothing_such",
    (ROOT / "solutions",),
    dict.fromkeys(("B1", "C3"), frozenset({"error"})),
    {None: "see labs/lab4/checks/conftest.py"},
    {"payment_client.py": f"{CLIENT}\nimport nothing_such\n"},
)


@pytest.mark.parametrize("door", DOORS)
def test_a_client_that_cannot_be_loaded_is_the_student_s_error(door: str, trials: Trials) -> None:
    """No shop is started for it, and the kit does not take the blame."""
    tried = trials.through(door)
    tried.start(TRIAL)
    assert () == tried.complaints(TRIAL)
