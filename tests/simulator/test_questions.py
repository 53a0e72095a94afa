"""What the student's own consumer makes of a scenario is compared with what was sent."""

from __future__ import annotations

import pytest

from pytest_labkit.simulator.questions import wrong_order

SENT = {"a": [0, 1, 2], "b": [0]}


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        ([("a", 0), ("b", 0), ("a", 1), ("a", 2)], ""),
        ([("a", 0), ("a", 2), ("a", 1), ("b", 0)], "read_in_order is wrong for a"),
        ([("a", 0), ("a", 1), ("a", 2)], "read_in_order is wrong for b"),
        ([], "read_in_order is wrong for a, b"),
        (
            [("a", 0), ("a", 1), ("a", 2), ("b", 0), (None, 9)],
            "read_in_order gives 5 messages, and 4 were sent",
        ),
    ],
)
def test_each_key_has_its_messages_in_the_order_they_were_sent(
    got: list[tuple[str | None, int]], expected: str
) -> None:
    """No more and no fewer; between keys there is no order."""
    assert expected == wrong_order(got, SENT)
