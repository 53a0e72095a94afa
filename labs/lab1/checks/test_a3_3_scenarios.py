"""Don't change the tests. A3: each key's messages in their order, whatever breaks."""

import pytest

from labs.lab1.checks import drawn
from labs.lab1.checks.scenarios import FAULTS, Stage
from pytest_labkit import Mistake
from pytest_labkit.checks.finding import Counterexample, timeline

pytestmark = pytest.mark.criterion("A3")

DRAWN = 6  # of the scenarios that went wrong


@pytest.mark.promise("A3.11")
def test_95_percent_of_the_scenarios(topics, answers, faults, rng, measure, drawing):
    """Three producers send 60 messages: by each strategy, to 1, 2, 3 and 6 partitions, with each fault."""
    stage = Stage(answers, topics, faults, rng)
    played = [one for fault in FAULTS for one in stage.play(fault)]
    drawing(f"{len(played)} scenarios; along each lane: {', '.join(FAULTS)}", "fault", drawn.grid(played))
    wrong = sorted((one for one in played if one.finding), key=lambda one: len(one.finding.evidence))
    for one in wrong[:DRAWN]:
        drawing(f"{one.scenario}. {one.finding.expected}; {one.finding.got}", "offset", *drawn.log(one))
    share = 100 * (len(played) - len(wrong)) / len(played)
    try:
        measure.record("correct_order", [share], unit="%")
    except Mistake:
        raise _told(played, wrong) from None


def _told(played, wrong):
    """The scenarios that went wrong by name, and the shortest counterexample."""
    shortest = wrong[0]
    names = "; ".join(str(one.scenario) for one in wrong[:8]) + (" …" if len(wrong) > 8 else "")
    return Counterexample(
        checked="",
        expected="the right order in 95 % of the scenarios or more",
        got=f"in {len(played) - len(wrong)} of {len(played)}. Wrong: {names}. "
        f"In the first of these: {shortest.finding.expected}; {shortest.finding.got}",
        timeline=timeline(shortest.finding.evidence),
    )
