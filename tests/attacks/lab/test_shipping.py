"""A3 and A4: what was shipped is what the broker has, and how fast is what the kit's clock says."""

import json
from collections import Counter

import pytest

from pytest_labkit import expect


def payloads(about, rng):
    """As many as *about*, a fifth more or less; half of them JSON, and none of them can be guessed."""
    count = rng.randint(about * 4 // 5, about * 6 // 5)
    return [
        json.dumps({"id": rng.randbytes(8).hex(), "n": n}).encode() if n % 2 else rng.randbytes(80)
        for n in range(count)
    ]


@pytest.mark.criterion("A3")
def test_what_was_shipped_is_there(answers, topic, rng):
    """Each payload is in the topic once, nothing else is, and as many were reported."""
    answers.shipping  # noqa: B018 - the student's code is there before the topic is used
    sent = payloads(500, rng)
    claimed = answers.shipping.ship(topic.name, sent)
    expect.equal(len(sent), topic.end(), perhaps="ship() returned before the broker had acknowledged")
    found = topic.values()
    expect(
        found == Counter(sent),
        expected=f"the {len(sent)} payloads, each once",
        got=f"{(Counter(sent) & found).total()} of them, and {(found - Counter(sent)).total()} others",
    )
    expect.equal(len(sent), claimed)


@pytest.mark.criterion("A3")
def test_every_replica_is_asked(answers, topic, faults, rng):
    """The broker is asked to acknowledge a record when every replica has it: acks=all."""
    answers.shipping.ship(topic.name, payloads(20, rng))
    asked = sorted({acks for acks, _ in faults.kafka.produced()})
    expect.equal([-1], asked, perhaps="with acks=1 a record is lost with its leader, with acks=0 on the way")


@pytest.mark.criterion("A4")
@pytest.mark.timed
def test_it_is_quick(answers, topic, measure, rng):
    """Records are shipped quickly, and the broker says how many."""
    before = 0

    def shipped():
        nonlocal before
        answers.shipping.ship(topic.name, payloads(1000, rng))
        after = topic.end()
        before, gained = after, after - before
        return gained

    measure.rate("throughput", shipped, unit="records/s", rounds=1)
