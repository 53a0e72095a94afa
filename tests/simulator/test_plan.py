"""What is sent when: as many messages as the rate asks for, and the script at its messages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pytest_labkit.simulator.choice import Choice
from pytest_labkit.simulator.plan import Plan, settled
from pytest_labkit.simulator.runfile import Action

CALM = Choice(strategy="in_turn", rate=30, keys=2)


def plan(*script: Action, last: int | None = None) -> Plan:
    """The plan of thirty messages a second."""
    return Plan(CALM, script, last)


def numbers(plan: Plan, many: int) -> list[int]:
    """Those of the next messages; the script does nothing."""
    return [one.number for one in plan.next(many, lambda _action: None)]


def test_parts_of_a_message_add_up() -> None:
    """Thirty a second are one or two in each twentieth of it, and thirty in all."""
    made = plan()
    assert 30 == sum(made.due(0.05, has_room=True) for _ in range(20))


def test_what_had_no_room_is_not_made_up_for() -> None:
    """A producer that was slow is not flooded when it is quick again."""
    made = plan()
    made.due(10.0, has_room=False)
    assert 3 == made.due(0.1, has_room=True)


def test_a_scenario_has_an_end() -> None:
    """No message is planned beyond its last one."""
    made = plan(last=3)
    assert ([0, 1], False) == (numbers(made, 2), made.is_done)
    assert ([2], True) == (numbers(made, 2), made.is_done)
    assert [] == numbers(made, 2)


def test_the_script_is_done_at_its_messages() -> None:
    """Each action once, before the message of its number, whatever order they were told in."""
    second, first = Action("restart_broker", None, 3), Action("kill_producer", 1, 1)
    made, done = plan(second, first), list[tuple[int, str]]()
    for many in (1, 5, 5):
        made.next(many, lambda action: done.append((made.planned, action.do)))
    assert [(1, "kill_producer"), (3, "restart_broker")] == done


def test_what_was_sent_is_told_by_key() -> None:
    """All that was planned so far, and no more."""
    made = plan()
    numbers(made, 5)
    assert {"order-0": [0, 1, 2], "order-1": [0, 1]} == made.by_key()


def test_a_scenario_settles_what_it_is_played_with() -> None:
    """Its numbers win over those that were chosen; without one the choice stays as it is."""
    told = {"producers": 3, "keys": 7, "messages": 60, "actions": [("lost_ack", None, 20)]}
    lab: Any = SimpleNamespace(offer=SimpleNamespace(scenario=lambda *_chosen: told))
    choice = CALM.model_copy(update={"scenario": "storm", "producers": 1})
    made, actions, last = settled(choice, (), lab)
    assert (3, 7, (Action("lost_ack", None, 20),), 60) == (made.producers, made.keys, actions, last)
    assert (CALM, (), None) == settled(CALM, (), lab)


def test_a_scenario_that_was_saved_breaks_the_same_things_once() -> None:
    """Its file has what the scenario did, and what was done besides."""
    lost, killed = Action("lost_ack", None, 20), Action("kill_producer", 1, 20)
    told = {"producers": 3, "keys": 7, "messages": 60, "actions": [lost]}
    lab: Any = SimpleNamespace(offer=SimpleNamespace(scenario=lambda *_chosen: told))
    choice = CALM.model_copy(update={"scenario": "storm"})
    assert (lost, killed) == settled(choice, (lost, killed), lab)[1]
