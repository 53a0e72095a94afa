"""What can cross between a test and a student's process, and what cannot."""

from __future__ import annotations

import json
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.lab3.events import ItemAdded, OrderCreated, OrderState
from pytest_labkit.answers.rpc.codec import decode, encode
from pytest_labkit.answers.rpc.errors import NotAValue
from pytest_labkit.course.shared_types import Given

GIVEN = Given("labs.lab3", frozenset({"labs.lab3.events", "labs.lab3.errors"}))

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.timedeltas()
    | st.uuids()
    | st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=2))))
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=12,
)


def crossed(value: Any) -> Any:
    """*value* after it went over as JSON text."""
    return decode(json.loads(json.dumps(encode(value, GIVEN), allow_nan=False)), GIVEN)


@given(values)
def test_values_arrive_as_they_were(value: Any) -> None:
    """A value arrives equal and of the same type, however nested."""
    arrived = crossed(value)
    assert value == arrived
    assert type(value) is type(arrived)


def test_not_a_number_arrives() -> None:
    """NaN and infinity cross, though JSON has neither."""
    assert "nan" == repr(crossed(float("nan")))
    assert crossed(float("-inf")) == float("-inf")


def test_models_of_the_lab_arrive_whole() -> None:
    """A model of the given files arrives with all its fields, generated ones included."""
    event = OrderCreated(order_id="1", customer_id="2")
    assert event == crossed(event)
    assert event.event_id == crossed(event).event_id
    assert OrderState() == crossed(OrderState())


def test_batches_of_models_arrive_whole() -> None:
    """A list of models arrives as it was, whether they are of one class and have the same fields or not."""
    first, second = (ItemAdded(order_id="1", item_id=name, quantity=1) for name in "ab")
    created = OrderCreated(order_id="1", customer_id="2", version=1)
    broken = ItemAdded.model_construct(order_id="1", quantity=[2.5, {"a": created}])
    for batch in ([first, second], [first, created], [first, broken], [broken, broken], [first], []):
        arrived = crossed(batch)
        assert [type(model) for model in batch] == [type(model) for model in arrived]
        assert [vars(model) for model in batch] == [vars(model) for model in arrived]
        assert batch == arrived
    assert first.model_copy(update={"version": 3}) == crossed([first, second])[0].model_copy(
        update={"version": 3}
    )


def test_invalid_models_arrive_as_they_are() -> None:
    """A model made past its validation keeps its wrong and its missing fields."""
    event = ItemAdded.model_construct(order_id="1", quantity="2")
    arrived = crossed(event)
    assert "2" == arrived.quantity
    assert not hasattr(arrived, "item_id")


class LyingInt(int):
    """An int that equals everything."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class LyingEvent(OrderCreated):
    """An event that equals everything."""

    def __eq__(self, other: object) -> bool:
        return True


@pytest.mark.parametrize(
    "value",
    [LyingInt(1), LyingEvent(order_id="1", customer_id="2"), (n for n in "ab"), object(), [print]],
    ids=["int", "model", "generator", "object", "nested"],
)
def test_what_is_no_value_is_refused(value: object) -> None:
    """Subclasses that could lie, generators and other objects do not cross as values."""
    with pytest.raises(NotAValue, match="is not a value that can be passed on"):
        encode(value, GIVEN)


def test_too_deep_is_refused() -> None:
    """Nesting has an end."""
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(NotAValue, match="nested deeper than 64"):
        encode(deep, GIVEN)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"a": 1}, "which is not an encoded value"),
        ({"$": "pickle", "v": "gASV"}, "'pickle', which is not a kind of value"),
        (
            {"$": "model", "v": {"type": "os:environ", "fields": []}},
            "os:environ, which is no class of labs.lab3",
        ),
        ({"$": "model", "v": {"type": "builtins:eval", "fields": []}}, "builtins:eval, which is no class of"),
        ({"$": "model", "v": {"type": "labs.lab3.errors:ConcurrencyError", "fields": []}}, "is not a model"),
        ({"$": "class", "v": "labs.lab3.event_store:EventStore"}, "which is no class of labs.lab3"),
        ({"$": "dict", "v": [["a", 1], ["a", 2]]}, "a dict with the same key twice"),
        (
            {"$": "models", "v": {"type": "labs.lab3.events:ItemAdded", "names": ["a"], "rows": [[1, 2]]}},
            "a value that cannot be",
        ),
        ({"$": "timedelta", "v": "one day"}, "a value that cannot be"),
    ],
    ids=[
        "untagged",
        "pickle",
        "foreign",
        "function",
        "no model",
        "student's",
        "twice",
        "torn row",
        "nonsense",
    ],
)
def test_forged_data_is_refused(data: object, told: str) -> None:
    """What a child could make up beyond the format is refused."""
    with pytest.raises(NotAValue, match=told):
        decode(data, GIVEN)
