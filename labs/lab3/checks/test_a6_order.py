"""Don't change the tests. A6: an order is what its events made of it, and refuses the impossible."""

from datetime import UTC, datetime

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labs.lab3.checks.checking import exactly, told
from labs.lab3.errors import OrderRuleBroken
from labs.lab3.events import ItemAdded, OrderConfirmed, OrderCreated, OrderState
from pytest_labkit import expect
from pytest_labkit.checks.calls import raised_by

pytestmark = pytest.mark.criterion("A6")

CREATED = OrderCreated(order_id="123", customer_id="456")
ADDED = ItemAdded(order_id="123", item_id="789", quantity=2)
CONFIRMED = OrderConfirmed(order_id="123", total_amount=99.99)
NO_CLOCK = "an order looks at no clock, and not at the times of its events"


@pytest.fixture
def order(answers):
    return answers.order.Order()


@pytest.mark.promise("A6.1", "A6.6")
def test_the_life_of_an_order(order):
    """An order goes from new to created to confirmed, and its state says what happened."""
    _state_is(OrderState(), order)
    order.apply_event(CREATED)
    _state_is(OrderState(order_id="123", customer_id="456", status="created", version=1), order)
    order.apply_event(ADDED)
    order.apply_event(ItemAdded(order_id="123", item_id="x", quantity=1))
    items = {"789": 2, "x": 1}
    _state_is(OrderState(order_id="123", customer_id="456", status="created", items=items, version=3), order)
    order.apply_event(CONFIRMED)
    _state_is(
        OrderState(
            order_id="123",
            customer_id="456",
            status="confirmed",
            items=items,
            total_amount=99.99,
            version=4,
        ),
        order,
    )


@pytest.mark.promise("A6.2")
def test_quantities_add_up(order):
    """An item that is added twice is there with the sum of both quantities."""
    for event in (CREATED, ADDED, ItemAdded(order_id="123", item_id="789", quantity=3)):
        order.apply_event(event)
    expect.equal(
        {"789": 5}, order.get_state().items, perhaps="the second quantity took the place of the first"
    )


@pytest.mark.promise("A6.3", "A6.4", "A6.5")
@pytest.mark.parametrize(
    ("before", "impossible"),
    [
        pytest.param([], ADDED, id="an item before the order is created"),
        pytest.param([], CONFIRMED, id="confirmed before it is created"),
        pytest.param([CREATED], CREATED, id="created twice"),
        pytest.param([CREATED, ADDED], OrderCreated(order_id="9", customer_id="9"), id="created anew"),
        pytest.param([CREATED], ADDED.model_copy(update={"quantity": 0}), id="a quantity of 0"),
        pytest.param([CREATED, ADDED], ADDED.model_copy(update={"quantity": -1}), id="a quantity of -1"),
        pytest.param([CREATED, ADDED, CONFIRMED], ADDED, id="an item after it is confirmed"),
        pytest.param([CREATED, ADDED, CONFIRMED], CONFIRMED, id="confirmed twice"),
        pytest.param([CREATED, ADDED, CONFIRMED], CREATED, id="created after it is confirmed"),
    ],
)
def test_what_cannot_have_happened_is_refused(before, impossible, order):
    """An impossible event raises OrderRuleBroken, and leaves the order as it was."""
    for event in before:
        order.apply_event(event)
    state = _state(order)
    _is_refused(order, impossible)
    _state_is(state, order, perhaps="part of the state is changed before the rule is checked")


@pytest.mark.promise("A6.5")
def test_an_order_goes_on_after_a_refusal(order):
    """An impossible event does not spoil the order: what is possible still happens to it."""
    order.apply_event(CREATED)
    _is_refused(order, ADDED.model_copy(update={"quantity": 0}))
    order.apply_event(ADDED)
    order.apply_event(CONFIRMED)
    state = order.get_state()
    expect.equal(("confirmed", 3), (state.status, state.version))


@pytest.mark.promise("A6.6")
def test_the_version_is_the_events_own(order):
    """The version of an event becomes the version of the order; one without a version counts one on."""
    order.apply_event(CREATED.model_copy(update={"version": 1}))
    expect.equal(1, order.get_state().version)
    order.apply_event(ADDED)
    expect.equal(2, order.get_state().version)
    order.apply_event(ADDED.model_copy(update={"version": 3}))
    expect.equal(3, order.get_state().version)
    order.apply_event(CONFIRMED)
    expect.equal(4, order.get_state().version)


@pytest.mark.promise("A6.6")
def test_an_order_starts_at_any_version(order):
    """The first event that an order is given may have any version, as one has in an archive of its own."""
    order.apply_event(CREATED.model_copy(update={"version": 41}))
    order.apply_event(ADDED)
    expect.equal(42, order.get_state().version, perhaps="events were counted, their versions not looked at")


@pytest.mark.promise("A6.9")
def test_times_do_not_matter(order):
    """Events happen to an order whenever they are applied: of the past, of the future, or out of turn."""
    long_ago, far_off = datetime(1970, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)
    for event, at in ((CREATED, far_off), (ADDED, long_ago), (CONFIRMED, far_off)):
        error = raised_by(lambda e=event, at=at: order.apply_event(e.model_copy(update={"occurred_at": at})))
        expect(
            error is None,
            expected=f"{type(event).__name__} of {at:%Y} to happen",
            got=told(error),
            perhaps=NO_CLOCK,
        )
    _state_is(
        OrderState(
            order_id="123",
            customer_id="456",
            status="confirmed",
            items={"789": 2},
            total_amount=99.99,
            version=3,
        ),
        order,
        perhaps=NO_CLOCK,
    )


@pytest.mark.promise("A6.7")
def test_orders_share_nothing(answers):
    """What happens to one order does not happen to another."""
    one, other = answers.order.Order(), answers.order.Order()
    one.apply_event(CREATED)
    one.apply_event(ADDED)
    _state_is(OrderState(), other, perhaps="a default that all orders share, such as a dict of the class")
    other.apply_event(OrderCreated(order_id="9", customer_id="8"))
    _state_is(OrderState(order_id="9", customer_id="8", status="created", version=1), other)
    expect.equal({"789": 2}, one.get_state().items)


@pytest.mark.promise("A6.8")
def test_a_state_that_was_given_out_stays(order, answers):
    """A state that get_state returned does not change later, and changing it does not change the order."""
    order.apply_event(CREATED)
    order.apply_event(ADDED)
    callers = answers.beside("callers")
    before, after = callers.items_before_and_after(order, ADDED)
    expect.equal({"789": 2}, before)
    expect.equal({"789": 2}, after, perhaps="the order goes on using the dict that it gave away")
    callers.change_the_items(order, "789", 1000)
    expect.equal(
        {"789": 4}, order.get_state().items, perhaps="the dict that was given out is the order's own"
    )


ORDER_IDS = st.just("123")
POSSIBLE_AND_NOT = st.one_of(
    st.builds(OrderCreated, order_id=ORDER_IDS, customer_id=st.text(max_size=3)),
    st.builds(ItemAdded, order_id=ORDER_IDS, item_id=st.sampled_from("abc"), quantity=st.integers(-1, 2**40)),
    st.builds(ItemAdded, order_id=ORDER_IDS, item_id=st.sampled_from("abc"), quantity=st.integers(1, 9)),
    st.builds(OrderConfirmed, order_id=ORDER_IDS, total_amount=st.floats(0, 1e9)),
)


@pytest.mark.promise("A6.1", "A6.2", "A6.3", "A6.4", "A6.5")
def test_any_sequence_of_events(answers, seed):
    """After any events, possible and impossible ones mixed, the state is the one that the rules give."""

    @hypothesis.seed(seed)
    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(POSSIBLE_AND_NOT, max_size=8))
    def follows_the_rules(events):
        order, state = answers.order.Order(), OrderState()
        for event in [CREATED, *events] if len(events) % 4 else events:
            if isinstance(event, OrderConfirmed) and state.status == "created" and not state.items:
                continue  # whether an order without items can be confirmed is left open
            after = _by_the_rules(state, event)
            if after is None:
                _is_refused(order, event)
            else:
                order.apply_event(event)
                state = after
            _state_is(state, order)

    answers.order.Order().apply_event(CREATED)
    follows_the_rules()


def _by_the_rules(state, event):
    """The state after *event*, `None` if it is impossible."""
    match event:
        case OrderCreated() if state.status == "new":
            change = {"order_id": event.order_id, "customer_id": event.customer_id, "status": "created"}
        case ItemAdded() if state.status == "created" and event.quantity > 0:
            sum_ = state.items.get(event.item_id, 0) + event.quantity
            change = {"items": {**state.items, event.item_id: sum_}}
        case OrderConfirmed() if state.status == "created":
            change = {"status": "confirmed", "total_amount": event.total_amount}
        case _:
            return None
    return state.model_copy(update={**change, "version": state.version + 1})


def _is_refused(order, event):
    error = raised_by(lambda: order.apply_event(event))
    expect(
        isinstance(error, OrderRuleBroken),
        expected=f"OrderRuleBroken for {type(event).__name__}",
        got=told(error),
        perhaps="the order takes an event that cannot have happened" if error is None else None,
    )


def _state(order):
    """The state of *order*, which has to be an `OrderState`."""
    state = order.get_state()
    expect(type(state) is OrderState, expected="an OrderState", got=f"a {type(state).__name__}")
    return state


def _state_is(expected, order, *, perhaps=None):
    state = _state(order)
    for field, value in vars(expected).items():
        found = vars(state).get(field)
        expect(
            exactly(value, found),
            expected=f"{field} to be {value!r}, the state being {expected!r}",
            got=f"{found!r}",
            perhaps=perhaps,
        )
