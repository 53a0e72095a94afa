"""Violations of order, judged as the records come, against a slow and simple oracle."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_labkit.simulator.marks import Mark
from pytest_labkit.simulator.order import Order


def order_of(*came: tuple[str, int]) -> Order:
    """The order of messages, each of a key and a sequence, in one partition."""
    order = Order()
    for offset, (key, sequence) in enumerate(came):
        order.add(Mark(0, offset, 0.0, key, sequence, hash((key, sequence)) & 0xFFFF, 1))
    return order


def test_between_keys_there_is_no_order() -> None:
    """Only messages of one key can come too early."""
    assert [] == order_of(("a", 5), ("b", 0), ("b", 1)).violations


def test_a_record_is_joined_with_the_highest_before_it() -> None:
    """The violation names both, and how far they are apart."""
    (found,) = order_of(("a", 0), ("a", 2), ("b", 0), ("a", 1)).violations
    assert ("a#1", "a#2", 2) == (found.mark.name, found.behind.name, found.apart)
    assert (
        "a#1 (partition 0, offset 3) came behind a#2 (partition 0, offset 1), in the same partition."
        == str(found)
    )


def test_the_shortest_counterexample_is_that_with_the_fewest_records_between() -> None:
    """Whichever came first."""
    found = order_of(("a", 3), ("b", 0), ("a", 1), ("b", 2), ("b", 1)).shortest
    assert found is not None
    assert "b#1" == found.mark.name


def test_a_copy_is_counted_and_is_no_violation() -> None:
    """It was judged when it first came."""
    order = order_of(("a", 0), ("a", 1), ("a", 0))
    assert (1, []) == (order.duplicates, order.violations)


@settings(deadline=None)  # it is about what is found, not how soon
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 6)), max_size=30))
def test_it_finds_what_the_oracle_finds(came: list[tuple[str, int]]) -> None:
    """Of first ones only: each that has a higher one of its key before it."""
    firsts = [message for index, message in enumerate(came) if message not in came[:index]]
    expected = [
        (key, sequence)
        for index, (key, sequence) in enumerate(firsts)
        if any(k == key and s > sequence for k, s in firsts[:index])
    ]
    order = order_of(*came)
    assert expected == [(v.mark.key, v.mark.sequence) for v in order.violations]
    assert len(came) - len(firsts) == order.duplicates
