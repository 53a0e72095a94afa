"""Don't change the tests. A3: each key's messages in their order, whatever breaks."""

import pytest

from labs.lab1.checks.scenarios import FAULTS, Stage

pytestmark = pytest.mark.criterion("A3")


@pytest.mark.promise("A3.11")
def test_95_percent_of_the_scenarios(topics, answers, faults, rng, measure, chronicle):
    """Three producers send 60 messages: by each strategy, to 1, 2, 3 and 6 partitions, with each fault."""
    stage = Stage(answers, topics, faults, rng)
    played = [one for fault in FAULTS for one in stage.play(fault)]
    wrong = [one for one in played if one.finding]
    for one in played:
        print(one.scenario, one.finding, round(one.ended - one.began, 2))
    share = 100 * (len(played) - len(wrong)) / len(played)
    measure.record("correct_order", [share], unit="%")
