"""How a lab's test says what is wrong."""

from __future__ import annotations

import pytest

from pytest_labkit import Mistake, expect
from pytest_labkit.expectation import shown


class Truthy:
    """Something that is true but not True."""

    def __bool__(self) -> bool:
        return True


class Liar(int):
    """An int that equals everything."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class Mute:
    """Something that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


def test_true_goes_on() -> None:
    """A condition that holds, and a value that is equal and of the same type, go on."""
    expect(True, expected="e", got="g")
    expect.equal([1], [1])


def test_only_true_goes_on() -> None:
    """A condition has to be True itself: what a student returned cannot pose as one."""
    with pytest.raises(Mistake, match="expected e; got g"):
        expect(Truthy(), expected="e", got="g")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expected", "got", "told"),
    [(1, 2, "expected 1; got 2"), (1, True, r"got True \(bool\)"), (1, Liar(2), r"got 2 \(Liar\)")],
)
def test_equal_means_value_and_type(expected: object, got: object, told: str) -> None:
    """Values of another type are not equal, whatever their == says."""
    with pytest.raises(Mistake, match=told):
        expect.equal(expected, got)


def test_long_values_are_cut_and_broken_ones_named() -> None:
    """A long value is cut with its length; one whose repr raises is named."""
    assert "… (1002 characters)" in shown("x" * 1000)
    assert "a Mute whose repr() raised RuntimeError" == shown(Mute())
