"""Part B of lab 3 on the other stream: Kafka, with a connector that carries the table's changes."""

from __future__ import annotations

from pytest_labkit.cli.check_labs.plan import PASSED, Trial
from pytest_labkit.course import manifest
from tests.labs.conftest import ROOT, Trials

LAB = manifest.read(ROOT / "labs" / "lab3", ROOT)
CHOICE = "STREAM = DynamoDBStream"


def test_model_answers_pass_on_kafka(trials: Trials) -> None:
    """The model answer passes all of part B when its choice is KafkaStream, with nothing else changed."""
    text = (ROOT / "solutions" / "lab3" / "projections.py").read_text("utf-8")
    assert 1 == text.count(CHOICE)
    chosen = text.replace(CHOICE, "from labs.lab3.streams import KafkaStream as STREAM")
    part = dict.fromkeys([criterion.id for criterion in LAB.criteria if criterion.part == "B"], PASSED)
    advice = {None: "one stream has to be as good as the other"}
    answers = (ROOT / "solutions",)
    trial = Trial(LAB, "kafka", "answers on Kafka", answers, part, advice, {"projections.py": chosen})
    trials.start(trial)
    assert () == trials.complaints(trial)
