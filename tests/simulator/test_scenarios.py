"""A scenario on the page is the one that the checks of lab 1 play with the same seed."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any
from unittest.mock import MagicMock

import pytest

from labs.lab1 import simulation
from labs.lab1.checks import scenarios
from pytest_labkit.domain.seeds import derive


class Watched(scenarios.Stage):
    """Plays nothing, and remembers how it would be cut into pieces."""

    def _open(self, played: Any) -> None:
        pass

    def _send(self, _played: Any, _first: int, end: int) -> None:
        self.cuts = [*getattr(self, "cuts", [0]), end]

    def _close(self, played: Any) -> None:
        pass

    def _read(self, played: Any) -> None:
        pass


@pytest.fixture(scope="module")
def checked() -> dict[str, tuple[list[int], dict[tuple[str, int], int]]]:
    """For each fault: where the messages are cut, and how many keys each scenario has."""
    topics = MagicMock()
    topics.new.side_effect = lambda *partitions: [str(number) for number, _ in enumerate(partitions)]
    chance = random.Random(derive(4711, simulation.A3))
    found = {}
    for fault in scenarios.FAULTS:
        stage = Watched(MagicMock(), topics, MagicMock(), chance)
        played = stage.play(fault)
        keys = {(one.scenario.strategy, one.scenario.partitions): one.keys for one in played}
        found[fault] = stage.cuts, keys
    return found


def test_the_page_has_the_same_faults() -> None:
    """By the same names."""
    assert list(scenarios.FAULTS) == list(simulation.SCENARIOS)


@pytest.mark.parametrize("fault", simulation.SCENARIOS)
@pytest.mark.parametrize("strategy", simulation.STRATEGIES)
def test_keys_and_moments_are_the_same(checked: Any, fault: str, strategy: str) -> None:
    """It breaks behind the same message, and is mended behind the same."""
    (_, _, half, second, last), keys = checked[fault]
    for partitions in scenarios.PARTITIONS:
        told = simulation.scenario(4711, strategy, partitions, fault)
        assert (keys[strategy, partitions], last) == (told["keys"], told["messages"])
        assert {after for _, _, after in told["actions"]} <= {half, second}
        assert [after for _, _, after in told["actions"]] in ([], [half], [half] * 3, [half, second])


def test_another_seed_is_another_scenario() -> None:
    """Not all of fifty are alike."""
    told = [str(simulation.scenario(seed, "sticky", 3, "slow link")) for seed in range(50)]
    assert any(one != other for one, other in pairwise(told))
