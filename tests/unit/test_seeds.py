"""All chance in a run follows from one number, whichever tests run and in whatever order."""

from __future__ import annotations

import pytest

from pytest_labkit.domain import seeds


def test_a_derived_seed_is_the_same_on_every_machine() -> None:
    """It is a hash of the names, so that a seed in a report means the same next year."""
    assert 5636914924235972119 == seeds.derive(407, "labs/lab3/test_a1.py::test_x")


@pytest.mark.parametrize("other", [(408, "a", "b"), (407, "a", "c"), (407, "ab"), (407, "b", "a")])
def test_another_seed_or_name_gives_another(other: tuple[int, str]) -> None:
    """Names are kept apart: `a`, `b` is not `ab`."""
    assert seeds.derive(407, "a", "b") != seeds.derive(*other)


def test_runs_draw_seeds_that_differ() -> None:
    """Twenty of a million are not all the same."""
    assert 1 < len({seeds.draw() for _ in range(20)})
