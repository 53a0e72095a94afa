"""How a lab's test says what is wrong."""

from __future__ import annotations

import pytest

from pytest_labkit import Mistake, expect
from pytest_labkit.domain.difference import shown


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


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let them pass."""
        self.now += seconds


def test_f19_what_takes_effect_later_is_waited_for() -> None:
    """No longer than it takes, and without a sleep to be lucky."""
    clock, seen = Clock(), iter([0, 1, 2])
    expect.eventually(2, lambda: next(seen), within_s=5, every_s=1, clock=clock, sleep=clock.sleep)
    assert 2.0 == clock.now


def test_f19_what_never_takes_effect_is_told() -> None:
    """With what was there at last; looked at once more when the time is over."""
    clock, looks = Clock(), []

    def look() -> int:
        looks.append(clock.now)
        return 1

    with pytest.raises(Mistake, match="expected 2; got 1") as raised:
        expect.eventually(2, look, within_s=3, every_s=1, clock=clock, sleep=clock.sleep)
    assert "2 within 3 s" == raised.value.expected
    assert [0.0, 1.0, 2.0, 3.0] == looks


def test_f19_a_liar_does_not_pass_later_either() -> None:
    """Types are compared as in `equal`."""
    with pytest.raises(Mistake, match=r"got 0 \(Liar\)"):
        expect.eventually(2, lambda: Liar(0), within_s=0)


def test_f19_what_looking_raises_is_raised() -> None:
    """An error is no value to wait for."""
    with pytest.raises(ZeroDivisionError, match="division"):
        expect.eventually(2, lambda: 1 // 0)
