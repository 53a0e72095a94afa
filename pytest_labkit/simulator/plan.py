"""What a run sends when, and what is done at which message."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pytest_labkit.simulator.cast import Cast
from pytest_labkit.simulator.choice import Choice
from pytest_labkit.simulator.messages import Messages
from pytest_labkit.simulator.runfile import Action
from pytest_labkit.simulator.sending import Planned


class Plan:
    """
    The messages of *choice* at its rate, and what *script* does when as many were planned as it says.

    Attributes:
        rate: Messages a second.
        last: How many messages there are; `None` if there is no end.
    """

    def __init__(self, choice: Choice, script: Iterable[Action], last: int | None) -> None:
        self.rate = choice.rate
        self.last = last
        self._choice = choice
        self._messages = _messages(choice)
        self._script = sorted(script, key=lambda action: action.after)
        self._due = 0.0

    @property
    def planned(self) -> int:
        """How many messages were planned so far."""
        return self._messages.planned

    @property
    def is_done(self) -> bool:
        """Whether all there are were planned."""
        return self.planned == self.last

    def due(self, seconds: float, *, has_room: bool) -> int:
        """How many more messages are to be planned after *seconds* more; none if there is no room."""
        self._due += self.rate * seconds
        many = int(self._due)
        self._due -= many
        return many if has_room else 0

    def next(self, many: int, act: Callable[[Action], None]) -> list[Planned]:
        """The next *many* messages; *act* does what the script has before each of them."""
        if self.last is not None:
            many = min(many, self.last - self.planned)
        planned = []
        for _ in range(many):
            while self._script and self._script[0].after <= self.planned:
                act(self._script.pop(0))
            planned.append(self._messages.next())
        return planned

    def by_key(self) -> dict[str, list[int]]:
        """The sequences of each key, of all that was planned so far, in the order in which they were sent."""
        again, found = _messages(self._choice), dict[str, list[int]]()
        for planned in (again.next() for _ in range(self.planned)):
            found.setdefault(planned.key, []).append(planned.sequence)
        return found


def settled(
    choice: Choice, script: tuple[Action, ...], cast: Cast
) -> tuple[Choice, tuple[Action, ...], int | None]:
    """
    *choice* with the numbers of its scenario, if it has one, as the lab plans it.

    Beside it *script* with the scenario's actions, which a file of that run has too, and how many messages
    there are.
    """
    if not choice.scenario:
        return choice, script, None
    told: dict[str, Any] = cast.offer.scenario(
        choice.seed, choice.strategy, choice.partitions, choice.scenario
    )
    numbers = {name: told[name] for name in ("producers", "keys")}
    more = [Action(*action) for action in told["actions"]]
    actions = (*script, *(action for action in more if action not in script))
    return choice.model_copy(update=numbers), actions, told["messages"]


def _messages(choice: Choice) -> Messages:
    return Messages(choice.seed, choice.keys, skewed=choice.skewed)
