"""Don't change the tests. A2: the analysis finds every inversion, gap and duplicate, and no others."""

import hypothesis
import pytest
from hypothesis import given

from labs.lab1.checks import oracle
from labs.lab1.checks.logs import LOGS, NOON, a_record, in_partition, quickly
from labs.lab1.messages import Gap, Inversion, OrderReport
from pytest_labkit import Mistake, expect

pytestmark = pytest.mark.criterion("A2")

FAR = 10**12


@pytest.fixture
def analyze(answers):
    """`analyze(records)`: the report of the student's, which is an OrderReport."""

    def analyzed(records):
        got = answers.ordering.analyze_message_order(list(records))
        expect(type(got) is OrderReport, expected="an OrderReport", got=f"a {type(got).__name__}")
        return got

    return analyzed


def says(got, **members):
    """The report *got* has these *members*."""
    for name, expected in members.items():
        found = getattr(got, name)
        if type(found) is not type(expected) or found != expected:
            raise Mistake(checked="", expected=f"{name} {_plain(expected)}", got=f"{name} {_plain(found)}")


def _plain(value):
    return repr(value).replace("Record(", "(")[:400]


@pytest.mark.promise("A2.1")
def test_of_nothing_nothing_is_said(analyze):
    """There are no records at all."""
    says(
        analyze([]),
        messages=0,
        partitions_in_order={},
        keys_in_order={},
        inversions=[],
        gaps=[],
        duplicates=[],
        scattered=[],
    )


@pytest.mark.promise("A2.1", "A2.3", "A2.4", "A2.6", "A2.7")
def test_a_right_log_is_right(analyze):
    """Two keys lie in a partition each, complete and in order, at one timestamp."""
    got = analyze(in_partition(("a", 0), ("a", 1)) + in_partition(("b", 0), ("b", 1), partition=1))
    says(got, messages=4, partitions_in_order={0: True, 1: True}, keys_in_order={"a": True, "b": True})
    says(got, inversions=[], gaps=[], duplicates=[], scattered=[])


@pytest.mark.promise("A2.2")
def test_offsets_with_holes_are_in_order(analyze):
    """Offsets of a partition begin late and have holes, as after compaction; those of another go back."""
    holes = [a_record("a", number, 0, offset) for number, offset in enumerate([17, 18, 40, 41])]
    back = [a_record("b", number, 1, offset) for number, offset in enumerate([3, 5, 4])]
    again = [a_record("c", number, 2, offset) for number, offset in enumerate([3, 3])]
    got = analyze([*holes, *back, *again])
    says(got, partitions_in_order={0: True, 1: False, 2: False}, gaps=[], inversions=[], duplicates=[])


@pytest.mark.promise("A2.3")
def test_copies_are_duplicates_and_nothing_else(analyze):
    """A producer was started again and sent three messages once more, to the same partition or another."""
    sent = [("a", 0), ("a", 1), ("a", 2)]
    log = [*in_partition(*sent, *sent, ("a", 3)), a_record("a", 1, 1, 0)]
    says(analyze(log), duplicates=[*log[3:6], log[7]], inversions=[], gaps=[], keys_in_order={"a": True})


@pytest.mark.promise("A2.4", "A2.7")
def test_an_inversion_is_behind_the_highest(analyze):
    """Messages 4, 2, 3 and 0 of a key come behind 5, and 6 in its turn."""
    log = in_partition(("a", 1), ("a", 5), ("a", 4), ("a", 2), ("b", 0), ("a", 3), ("a", 0), ("a", 6))
    wrong = [Inversion(record=log[place], behind=log[1]) for place in (2, 3, 5, 6)]
    says(analyze(log), inversions=wrong, keys_in_order={"a": False, "b": True}, gaps=[])


@pytest.mark.promise("A2.4")
def test_timestamps_say_nothing(analyze):
    """Timestamps are equal, go back, or say another order than that in which the records came."""
    in_order = [a_record("a", n, n % 2, n, NOON - 10 * n) for n in range(4)]
    says(analyze(in_order), inversions=[], scattered=["a"], partitions_in_order={0: True, 1: True})
    late = [a_record("a", 1, 0, 0, NOON + 9), a_record("a", 0, 1, 0, NOON)]
    says(analyze(late), inversions=[Inversion(record=late[1], behind=late[0])])
    equal = in_partition(("a", 1), ("a", 0))
    says(analyze(equal), inversions=[Inversion(record=equal[1], behind=equal[0])])


@pytest.mark.promise("A2.5")
def test_keys_have_no_order_between_them(analyze):
    """All of one key comes before the first of another, in one partition or in several."""
    log = in_partition(*(("a", n) for n in range(5)), ("b", 0), ("b", 1), ("c", 0))
    says(analyze(log), inversions=[], keys_in_order={"a": True, "b": True, "c": True})


@pytest.mark.promise("A2.6")
def test_gaps_are_ranges(analyze):
    """Sequences are missing at the start, in the middle and, by the million, before the last one."""
    log = in_partition(("b", 2), ("a", 0), ("b", 6), ("b", 3), ("a", FAR), ("c", 0), ("b", 8))
    gaps = [Gap(key="a", first=1, last=FAR - 1)]
    gaps += [Gap(key="b", first=first, last=last) for first, last in ((0, 1), (4, 5), (7, 7))]
    says(analyze(log), gaps=gaps)


@pytest.mark.promise("A2.8")
def test_scattered_keys_are_named(analyze):
    """Of four keys, two lie in several partitions, one of them by a duplicate only."""
    log = [a_record("d", 0, 1, 0), a_record("c", 0, 0, 0), a_record("c", 1, 1, 1), a_record("b", 0, 2, 0)]
    log += [a_record("a", 0, 1, 2), a_record("a", 0, 2, 1), a_record("b", 1, 2, 2)]
    says(analyze(log), scattered=["a", "c"])


@pytest.mark.promise("A2.9")
def test_records_without_a_key_only_count(analyze):
    """Records without a key lie among others, twice with the same sequence, and one goes back."""
    log = in_partition(("", 0), (None, 5), (None, 5), ("new", 0), (None, 0))
    log += [a_record(None, 0, 1, 4), a_record(None, 1, 1, 2)]
    got = analyze(log)
    says(got, messages=7, partitions_in_order={0: True, 1: False}, keys_in_order={"": True, "new": True})
    says(got, inversions=[], gaps=[], duplicates=[], scattered=[])


@pytest.mark.promise("A2.2", "A2.3", "A2.4", "A2.6", "A2.7", "A2.8", "A2.9")
def test_whatever_is_planted_is_found(analyze, seed):
    """Messages of six keys are dropped, copied and moved by chance; all of that is found, and no more."""

    @hypothesis.seed(seed)
    @quickly(60)
    @given(LOGS)
    def holds(records):
        says(analyze(records), **oracle.report(records))

    holds()
