"""A ledger gives out what is new, to whoever asks, and loses nothing."""

from __future__ import annotations

from pytest_labkit.simulator import picture
from pytest_labkit.simulator.choice import Choice
from pytest_labkit.simulator.deliveries import Effect
from pytest_labkit.simulator.ledger import CAUGHT_UP, LIVE, LOST, TOLD, Cursor, Ledger
from pytest_labkit.simulator.marks import Mark


def marks(first: int, many: int, key: str = "a") -> list[Mark]:
    """Records of partition 0 from that offset on."""
    return [Mark(0, n, 0.0, key, n, n, 1) for n in range(first, first + many)]


def test_each_is_told_what_is_new_to_it() -> None:
    """Two pages, one of them later."""
    ledger, one = Ledger(began=0.0), Cursor()
    ledger.take(marks(0, 2))
    assert [0, 1] == [told[1] for told in ledger.since(one)["marks"]]
    ledger.take(marks(2, 1))
    assert [2] == [told[1] for told in ledger.since(one)["marks"]]
    assert {} == ledger.since(one)
    assert [0, 1, 2] == [told[1] for told in ledger.since(Cursor())["marks"]]


def test_a_burst_is_told_with_its_number() -> None:
    """More came at once than can be drawn."""
    ledger = Ledger(began=0.0)
    ledger.take(marks(0, LIVE + 1))
    assert [[0, 0, LIVE, LIVE + 1, 0.0, 0.0]] == ledger.since(Cursor())["bursts"]


def test_a_page_that_comes_late_is_told_all_in_parts() -> None:
    """Each record as a mark."""
    ledger, late = Ledger(began=0.0), Cursor(is_live=False)
    ledger.take(marks(0, CAUGHT_UP + 10))
    assert [CAUGHT_UP, 10] == [len(ledger.since(late)["marks"]) for _ in range(2)]
    assert late.is_live


def test_a_violation_is_told_with_both_of_its_records() -> None:
    """And in words; a page may have had either of them as a part of a burst."""
    ledger = Ledger(began=0.0)
    ledger.take([Mark(0, 0, 0.0, "a", 1, 1, 1), Mark(1, 0, 0.0, "a", 0, 0, 1)])
    (((*late, _, _, _), (*early, _, _, _), apart, text),) = ledger.since(Cursor())["violations"]
    assert ([1, 0, 0.0, "a"], [0, 0, 0.0, "a"], 1, "a#0") == (late, early, apart, text.split()[0])


def test_a_violation_is_told_no_sooner_than_its_records() -> None:
    """To a page that is told all in parts."""
    ledger, late = Ledger(began=0.0), Cursor(is_live=False)
    ledger.take([*marks(1, CAUGHT_UP), Mark(1, 0, 0.0, "a", 0, 0, 1)])
    assert [False, True] == ["violations" in ledger.since(late) for _ in range(2)]
    assert "violations" not in ledger.since(late)


def test_what_a_violation_joins_is_told_though_it_was_merged() -> None:
    """Its early record came in the burst before."""
    ledger, live = Ledger(began=0.0), Cursor()
    ledger.take(marks(1, LIVE + 1))
    assert "marks" not in ledger.since(live)
    ledger.take([Mark(1, 0, 0.0, "a", 0, 0, 1)])
    ((late, early, *_),) = ledger.since(live)["violations"]
    assert ([1, 0], [0, LIVE + 1]) == (late[:2], early[:2])


def test_a_message_that_is_handled_without_end_is_counted_and_no_longer_told() -> None:
    """The run goes on to fit in memory."""
    ledger, cursor = Ledger(("once",), began=0.0), Cursor()
    ledger.take(marks(0, 1))
    ledger.handle("once", [Effect(0, 0.0, "")] * 1000)
    assert (TOLD, 1000) == (len(ledger.since(cursor)["effects"]), ledger.times()["once"])
    assert 999 == ledger.counts()["modes"]["once"]["repeated"]


def test_lost_records_are_told_by_their_places() -> None:
    """The first ones of them; all are counted."""
    ledger = Ledger(("once",), began=0.0)
    ledger.take(marks(0, LOST + 5))
    ledger.count_lost("once", {0: LOST + 5})
    told = ledger.counts()["modes"]["once"]
    assert (LOST + 5, [[0, offset] for offset in range(LOST)]) == (told["lost"], told["lost_at"])


def test_an_effect_waits_for_its_record() -> None:
    """A consumer may be faster than the one who looks."""
    ledger = Ledger(("once",), began=0.0)
    ledger.handle("once", [Effect(0, 0.25, "")])
    assert 0 == ledger.counts()["modes"]["once"]["handled"]
    ledger.take(marks(0, 1))
    ledger.handle("once", [])
    told = ledger.counts()["modes"]["once"]
    latency = ledger.latency()["once"]["p50"]
    assert (1, 250.0, []) == (told["handled"], latency, ledger.outstanding("once"))


def test_what_is_committed_past_and_not_handled_is_lost_until_it_is_handled() -> None:
    """Late is not lost."""
    ledger = Ledger(("once",), began=0.0)
    ledger.take(marks(0, 3))
    ledger.handle("once", [Effect(0, 0.0, "")])
    ledger.count_lost("once", {0: 2})
    assert 1 == ledger.counts()["modes"]["once"]["lost"]
    ledger.handle("once", [Effect(1, 0.0, "")])
    ledger.count_lost("once", {0: 2})
    assert 0 == ledger.counts()["modes"]["once"]["lost"]


def test_a_sentence_that_is_said_again_at_once_is_not_repeated() -> None:
    """A log that floods says nothing."""
    ledger = Ledger(began=0.0)
    for text in ("a", "a", "b", "a"):
        ledger.say(text)
    assert ["a", "b", "a"] == [said.text for said in ledger.said]


def test_a_picture_has_a_mark_for_each_record_and_names_the_counterexample() -> None:
    """Its text is text: a key that looks like a tag is none."""
    ledger = Ledger(began=0.0)
    ledger.take([Mark(0, 0, 0.0, "<b>", 1, 1, 1), Mark(0, 1, 0.0, "<b>", 0, 0, 1)])
    drawn = picture.drawn(ledger, Choice(strategy="in_turn"), "you")
    assert (2, 1) == (drawn.count('rx="2"'), drawn.count('<line class="wrong"'))
    assert "&lt;b&gt;#0 (partition 0, offset 1) came behind" in drawn
    assert "<b>" not in drawn


def test_many_records_are_drawn_as_density() -> None:
    """The numbers of all columns add up."""
    ledger = Ledger(began=0.0)
    ledger.take(marks(0, picture.DENSE + 1))
    drawn = picture.drawn(ledger, Choice(strategy="in_turn"), "you")
    numbers = [int(text.rpartition(">")[2]) for text in drawn.split(" records</title>")[:-1]]
    assert picture.DENSE + 1 == sum(numbers)
