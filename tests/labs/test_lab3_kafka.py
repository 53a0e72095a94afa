"""Part B of lab 3 on the other stream: Kafka, with a connector that carries the table's changes."""

from __future__ import annotations

from pathlib import Path

from pytest_labkit.cli.check_labs.trials import PASSED, Trial
from tests.labs.conftest import LAB, ROOT, Trials

CHOICE = "STREAM = DynamoDBStream"


def test_model_answers_pass_on_kafka(trials: Trials, tmp_path: Path) -> None:
    """The model answer passes all of part B when its choice is KafkaStream, with nothing else changed."""
    text = (ROOT / "solutions" / "lab3" / "projections.py").read_text("utf-8")
    assert 1 == text.count(CHOICE)
    chosen = text.replace(CHOICE, "from labs.lab3.streams import KafkaStream as STREAM")
    (tmp_path / "projections.py").write_text(chosen, "utf-8")
    part = dict.fromkeys([criterion.id for criterion in LAB.criteria if criterion.part == "B"], PASSED)
    advice = {None: "one stream has to be as good as the other"}
    trials.start(Trial(LAB, "kafka", (tmp_path, ROOT / "solutions"), part, advice))
    assert () == trials.complaints("kafka")
