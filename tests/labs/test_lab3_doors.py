"""The same checks give the same verdicts through both doors, on the model answers and on planted bugs."""

from __future__ import annotations

import pytest

from pytest_labkit.cli.check_labs.trials import Proof, Trial
from pytest_labkit.course import planted
from tests.labs.conftest import LAB, ROOT, Trials, selected

DOORS = ("direct", "process")
BUGS = (
    "A1_cached_list",
    "A1_in_memory",
    "A1_write_behind",
    "A2_error_swapped",
    "A2_lost_reply_is_conflict",
    "A2_process_lock",
    "A2_read_then_put",
    "A3_large_is_conflict",
    "A3_put_loop",
    "A4_single_page",
    "A4_text_order",
    "A5_coerces",
    "A5_millis",
    "A6_live_state",
    "A6_shared_items",
    "A7_item_per_event",
    "B1_in_memory",
    "B1_poison_stops",
    "B2_drops_what_is_early",
    "B2_position_first",
    "B3_sleeps",
    "B4_empties_first",
    "B4_position_in_memory",
    "B5_kept_for_ever",
    "C1_bound_excluded",
    "C2_remembers_where",
    "C3_damaged_raises",
    "C4_rewrites",
    "C5_answers_all_the_same",
)
BY_NAME = {bug.name: bug for bug in planted.bugs(LAB, ROOT / "solutions")}
TRIALS = [Proof(LAB, ROOT).solution(), *(Proof(LAB, ROOT, fast=True).bug(BY_NAME[name]) for name in BUGS)]


@pytest.fixture(scope="module")
def doors(trials: Trials, request: pytest.FixtureRequest) -> dict[str, Trials]:
    """Trials through each door, with the selected ones on their way."""
    made = {door: trials.through(door) for door in DOORS}
    for (trial,) in selected(request, "trial"):
        for door in DOORS:
            made[door].start(trial)
    return made


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_both_doors_come_to_the_same(trial: Trial, doors: dict[str, Trials]) -> None:
    """The model answers pass everything; a bug fails the test that it was planted for; verdicts agree."""
    assert () == doors["process"].complaints(trial.name)
    assert () == doors["direct"].complaints(trial.name)
    assert doors["direct"].verdicts(trial.name) == doors["process"].verdicts(trial.name)


def test_there_is_a_bug_for_each_criterion() -> None:
    """What is tried here touches every criterion."""
    assert {criterion.id for criterion in LAB.criteria} == {BY_NAME[name].criterion for name in BUGS}
