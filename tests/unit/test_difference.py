"""Two values beside each other: of long ones what differs."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from pytest_labkit import Mistake, differing, expect


@dataclass
class State:
    """As an order's state is."""

    version: int
    status: str = "created"
    items: dict[str, int] = field(default_factory=lambda: {f"item-{n}": n for n in range(60)})


def test_short_values_are_shown_whole() -> None:
    """As they are."""
    assert ("{'a': 1}", "{'a': 2}") == differing({"a": 1}, {"a": 2})


def test_of_long_states_the_keys_that_differ_are_shown_and_both_versions() -> None:
    """However deep they lie, on both sides; nothing is cut off."""
    other = State(8)
    other.items["item-7"] = 9
    del other.items["item-8"]
    assert (
        "version 8, items['item-7'] 7, items['item-8'] 8",
        "version 8, items['item-7'] 9, items['item-8'] missing",
    ) == differing(State(8), other)
    with pytest.raises(Mistake, match=r"expected version 7, status 'created'; got version 8, status 'new'"):
        expect.equal(State(7), State(8, "new"))


def test_of_long_lists_the_places_that_differ_are_shown() -> None:
    """By their numbers."""
    assert ("[3] 3", "[3] 4") == differing(list(range(300)), [*range(3), 4, *range(4, 300)])


def test_of_long_texts_the_place_where_they_part_is_shown() -> None:
    """And what stands around it."""
    expected, got = differing("x" * 500 + "right", "x" * 500 + "wrong")
    assert (True, True) == (expected.endswith("xxxright'"), got.endswith("xxxwrong'"))


class Broken:
    """Nothing of it can be looked at."""

    def __init__(self) -> None:
        self.text = "x" * 1000

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return self.text


def test_what_cannot_be_compared_is_cut() -> None:
    """A student's object may do anything when it is looked at."""
    one = Broken()
    one.inner = Broken()  # type: ignore[attr-defined]
    expected, _ = differing(one, Broken())
    assert "x" * 10 in expected
