"""What can be chosen, and the sentence for what cannot."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.simulator.choice import chosen, rate_of
from pytest_labkit.simulator.messages import Messages
from pytest_labkit.simulator.runfile import FORMAT, Action, RunFile

OFFER = SimpleNamespace(
    STRATEGIES={"in_turn": "In turn", "by_key": "By key"}, MODES={"once": "Once"}, SCENARIOS={"calm": ()}
)


def test_what_is_left_out_has_a_value() -> None:
    """The first strategy, and no mode."""
    assert ("in_turn", (), 3) == ((made := chosen({}, OFFER)).strategy, made.modes, made.partitions)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"producers": 6}, r"producers is 6: it has to be 1 to 5\."),
        ({"partitions": 0}, r"partitions is 0: it has to be 1 to 12\."),
        ({"rate": 10**9}, r"rate is 1000000000: it has to be 1 to 2000\."),
        ({"keys": 201}, r"keys is 201: it has to be 1 to 200\."),
        ({"rate": ""}, r"rate is '': input should be a valid integer"),
        ({"seed": -1}, r"seed is -1: it has to be 0 to 2\^53\."),
        ({"strategy": "random"}, r"There is no strategy 'random': choose among in_turn, by_key\."),
        ({"modes": ["twice"]}, r"There is no delivery mode 'twice': choose among once\."),
        ({"scenario": "storm"}, r"There is no scenario 'storm': choose among calm\."),
        ({"colour": "red"}, r"colour is 'red': extra inputs are not permitted\."),
    ],
)
def test_what_cannot_be_chosen(told: dict[str, Any], sentence: str) -> None:
    """One sentence, which says what can."""
    with pytest.raises(UsageProblem, match=sentence):
        chosen(told, OFFER)


def test_a_rate_is_changed_within_its_limits() -> None:
    """While a run goes on, as before it."""
    assert 40 == rate_of(40)
    with pytest.raises(UsageProblem, match=r"rate is 0: it has to be 1 to 2000\."):
        rate_of(0)


@pytest.mark.parametrize("skewed", [False, True])
def test_messages_follow_from_the_seed(skewed: bool) -> None:
    """The same ones each time; each key's sequences from 0 on."""
    one, other = (Messages(4711, 5, skewed=skewed) for _ in range(2))
    planned = [one.next() for _ in range(200)]
    assert planned == [other.next() for _ in range(200)]
    for key in {message.key for message in planned}:
        sequences = [message.sequence for message in planned if message.key == key]
        assert list(range(len(sequences))) == sequences


def test_another_seed_draws_other_keys() -> None:
    """If they are drawn."""
    one, other = (Messages(seed, 5, skewed=True) for seed in (1, 2))
    assert [one.next() for _ in range(50)] != [other.next() for _ in range(50)]


def test_a_run_file_comes_back() -> None:
    """What was chosen, and what was done when."""
    told = {
        "format": FORMAT,
        "choice": {"rate": 7},
        "actions": [["kill_producer", 2, 120], ["slow_link", None, 300]],
    }
    expected = RunFile({"rate": 7}, (Action("kill_producer", 2, 120), Action("slow_link", None, 300)))
    assert expected == RunFile.of(told)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (None, "That is no file of a run"),
        ({"format": "other"}, "That is no file of a run"),
        ({"format": FORMAT, "choice": {}}, "is damaged"),
        ({"format": FORMAT, "choice": {}, "actions": [["x", None, "soon"]]}, "is damaged"),
    ],
)
def test_what_is_no_run_file(told: Any, sentence: str) -> None:
    """One sentence."""
    with pytest.raises(UsageProblem, match=sentence):
        RunFile.of(told)
