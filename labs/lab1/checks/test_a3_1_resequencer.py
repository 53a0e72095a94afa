"""Don't change the tests. A3: held back, let go on, dropped, given up: a resequencer without a service."""

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.lab1.checks.logs import a_record, in_partition, quickly
from labs.lab1.checks.oracle import Held
from labs.lab1.messages import Record
from pytest_labkit import Mistake, expect

pytestmark = pytest.mark.criterion("A3")


@pytest.fixture
def resequencer(answers):
    """Makes a resequencer of the student's."""

    def made(**options):
        return answers.ordering.Resequencer(**options)

    return made


def goes_on(expected, got, after):
    """Of each key just these records go on, in this order; which key is first does not matter."""
    if type(got) is not list or any(type(record) is not Record for record in got):
        raise Mistake(checked="", expected="a list of records", got=f"{got!r}"[:200])
    if _by_key(expected) != _by_key(got) or len(expected) != len(got):
        raise Mistake(
            checked="", expected=f"{after}: {_plain(expected)} to go on", got=f"{_plain(got)} went on"
        )


def _by_key(records):
    """The records of each key in their order; those without a key have none."""
    found = {}
    for record in records:
        found.setdefault(record.key, []).append(record)
    found[None] = sorted(found.get(None, []), key=lambda record: (record.partition, record.offset))
    return found


def _plain(records):
    return ", ".join(f"{r.key}#{r.sequence}" for r in records[:12]) or "nothing"


def receives(one, now, *messages):
    """*one* gets (key, sequence)s at *now*; which go on of each, as such pairs."""
    out = []
    for record in in_partition(*messages):
        got = one.receive(record, float(now))
        expect(type(got) is list, expected="a list", got=f"a {type(got).__name__}")
        out.append([(r.key, r.sequence) for r in got])
    return out


def expires(one, now):
    """What goes on at *now*, as pairs in order of keys."""
    got = [(r.key, r.sequence) for r in one.expire(float(now))]
    return sorted(got, key=lambda pair: pair[0])


@pytest.mark.promise("A3.1", "A3.3")
def test_what_comes_early_waits_for_its_turn(resequencer):
    """Records of two keys and of none come mixed, some before their turn."""
    came = receives(resequencer(), 0, ("a", 0), ("a", 2), ("b", 1), ("a", 3), (None, 7), ("b", 0), ("a", 1))
    wanted = [[("a", 0)], [], [], [], [(None, 7)], [("b", 0), ("b", 1)], [("a", 1), ("a", 2), ("a", 3)]]
    expect.equal(wanted, came)


@pytest.mark.promise("A3.2")
def test_copies_are_dropped(resequencer):
    """A record comes again while it is held, right after it went on, and long after."""
    one = resequencer()
    expect.equal([[], [], [("a", 0), ("a", 1)]], receives(one, 0, ("a", 1), ("a", 1), ("a", 0)))
    expect.equal([[], []], receives(one, 1, ("a", 0), ("a", 1)))
    receives(one, 2, *(("a", number) for number in range(2, 3000)))
    expect.equal([[], []], receives(one, 3, ("a", 0), ("a", 1)), perhaps="what went on is forgotten in time")
    expect.equal([[("a", 3000)]], receives(one, 3, ("a", 3000)))


@pytest.mark.promise("A3.2")
def test_a_copy_in_another_partition_is_dropped(resequencer):
    """A message was sent again, and its copy lies in another partition, at another time."""
    one = resequencer()
    expect.equal([a_record("a", 0)], one.receive(a_record("a", 0), 0.0))
    expect.equal([], one.receive(a_record("a", 0, 2, 17, 1), 1.0), perhaps="copies are known by their offset")


@pytest.mark.promise("A3.4", "A3.7")
def test_a_gap_is_waited_for_until_the_timeout(resequencer):
    """Of a key 2 and 3 come at 0 s, 5 at 4 s; 0, 1 and 4 never do, and timeout_s is 10."""
    one = resequencer(timeout_s=10.0)
    receives(one, 0, ("a", 2), ("a", 3), ("b", 0))
    receives(one, 4, ("a", 5), ("a", 6))
    expect.equal([], expires(one, 9.75))
    expect.equal((4, 0), (one.held, one.given_up))
    expect.equal([("a", 2), ("a", 3)], expires(one, 10))
    expect.equal((2, 2), (one.held, one.given_up))
    expect.equal([], expires(one, 13.75))
    expect.equal([("a", 5), ("a", 6)], expires(one, 14))
    expect.equal((0, 3), (one.held, one.given_up))
    expect.equal([[("a", 7)]], receives(one, 15, ("a", 7)))


@pytest.mark.promise("A3.4")
def test_what_comes_before_an_old_one_goes_with_it(resequencer):
    """Of a key 5 comes at 0 s, 2 and 6 at 8 s, and timeout_s is 10: at 10 s all three go on."""
    one = resequencer(timeout_s=10.0)
    receives(one, 0, ("a", 5))
    receives(one, 8, ("a", 2), ("a", 6), ("a", 9))
    expect.equal([("a", 2), ("a", 5), ("a", 6)], expires(one, 10))
    expect.equal((1, 4), (one.held, one.given_up))


@pytest.mark.promise("A3.5")
def test_what_was_given_up_is_dropped(resequencer):
    """Message 0 comes after it was given up."""
    one = resequencer(timeout_s=1.0)
    receives(one, 0, ("a", 1))
    expect.equal([("a", 1)], expires(one, 1))
    expect.equal([[], [], [("a", 2)]], receives(one, 2, ("a", 0), ("a", 1), ("a", 2)))


@pytest.mark.promise("A3.6", "A3.7")
def test_no_more_is_held_than_may_be(resequencer):
    """With max_held=3, a fourth record comes that has to wait: the key that waits longest gives up."""
    one = resequencer(max_held=3, timeout_s=100.0)
    receives(one, 0, ("b", 4), ("b", 2))
    expect.equal([[]], receives(one, 1, ("a", 1)))
    expect.equal((3, 0), (one.held, one.given_up))
    expect.equal(
        [[("b", 2)]], receives(one, 2, ("c", 1)), perhaps="only the first gap of the key is given up"
    )
    expect.equal((3, 2), (one.held, one.given_up))
    expect.equal([[("b", 4)]], receives(one, 3, ("c", 2)))
    expect.equal((3, 3), (one.held, one.given_up))
    expect.equal([[("a", 1)]], receives(one, 4, ("c", 4)))
    expect.equal([[("c", 0), ("c", 1), ("c", 2)]], receives(one, 5, ("c", 0)))
    expect.equal((1, 4), (one.held, one.given_up))


@pytest.mark.promise("A3.6")
def test_by_default_a_thousand_are_held(resequencer):
    """Records 1 to 1,000 of a key come before the first, and then one more."""
    one = resequencer()
    receives(one, 0, *(("a", number) for number in range(1, 1001)))
    expect.equal(1000, one.held)
    expect.equal([], expires(one, 29.75))
    (gone,) = receives(one, 29.75, ("a", 1001))
    expect.equal(1001, len(gone))


_STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["a", "a", "b", "", None]), st.integers(0, 7), st.sampled_from([0, 0, 1, 3])
        ),
        st.tuples(st.just("expire"), st.just(-1), st.integers(0, 6)),
    ),
    max_size=16,
)


@pytest.mark.promise("A3.1", "A3.2", "A3.3", "A3.4", "A3.5", "A3.6", "A3.7")
def test_whatever_comes_goes_on_in_order(resequencer, seed):
    """Records of three keys come in any order, some twice, and time goes on."""

    @hypothesis.seed(seed)
    @quickly(80)
    @given(st.integers(1, 5), st.integers(1, 6), _STEPS)
    def holds(max_held, timeout_s, steps):
        one = resequencer(max_held=max_held, timeout_s=float(timeout_s))
        wanted, now = Held(max_held, float(timeout_s)), 0.0
        for place, (key, sequence, later) in enumerate(steps):
            now += later
            if key == "expire" and sequence < 0:
                after = f"max_held={max_held}, timeout_s={timeout_s}, {_told(steps[:place])}, expire({now:g})"
                goes_on(wanted.expire(now), one.expire(now), after)
            else:
                record = a_record(key, sequence, place % 3, place)
                after = f"max_held={max_held}, timeout_s={timeout_s}, {_told(steps[: place + 1])}"
                goes_on(wanted.receive(record, now), one.receive(record, now), after)
            expect.equal((wanted.held, wanted.given_up), (one.held, one.given_up), perhaps=f"after {after}")

    holds()


def _told(steps):
    return ", ".join(
        f"{key}#{n} at +{later} s" if n >= 0 else f"expire, +{later} s" for key, n, later in steps
    )
