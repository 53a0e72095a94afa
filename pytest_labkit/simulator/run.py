"""One run: its topic, producers, consumers and faults, from start to reset."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from pytest_labkit.domain.errors import LabkitError
from pytest_labkit.simulator import counts, gauges, plan
from pytest_labkit.simulator.breaking import Breaking
from pytest_labkit.simulator.broker import Broker
from pytest_labkit.simulator.cast import Cast
from pytest_labkit.simulator.choice import Choice, rate_of
from pytest_labkit.simulator.ledger import Ledger
from pytest_labkit.simulator.player import HANGS_S
from pytest_labkit.simulator.players import BEHIND, Players
from pytest_labkit.simulator.questions import Questions
from pytest_labkit.simulator.runfile import Action
from pytest_labkit.simulator.topics import Topics

TICK_S = 0.05

KEPT = 200_000
"""Records of a run; then it is paused."""

_FLOOD = 20  # times what was sent
_ENDS_S = 10.0


class Run:
    """
    Inside of `with`: a run of *choice* by *cast*, which goes on as soon as `go_on` is called.

    What *script* has is done when as many messages were planned as it says.

    Attributes:
        ledger: What was seen of it.
        actions: What was done so far, by a button or by the script.
        state: `ready`, `running`, `paused` or `ended`.
    """

    def __init__(
        self, cast: Cast, choice: Choice, script: Iterable[Action] = (), *, hangs_s: float = HANGS_S
    ) -> None:
        choice, actions, last = plan.settled(choice, tuple(script), cast)
        self.choice = choice
        self.ledger = Ledger(choice.modes)
        self.state = "ready"
        self.actions: list[Action] = []
        self._plan = plan.Plan(choice, actions, last)
        broker = Broker(cast.kafka)
        self._topics = Topics(cast, choice, broker, self.ledger)
        self._players = Players(cast, choice, self._topics, self.ledger, hangs_s)
        self._breaking = Breaking(cast.faults, cast.services, self.ledger.say)
        self._gauges = gauges.Gauges(broker, choice, self._topics, self.ledger)
        self._counts = counts.Counts(cast, choice, self.ledger)
        self._questions = Questions(cast, self.ledger, hangs_s)
        self._replay: str = cast.offer.REPLAY
        self._titles: dict[str, str] = cast.offer.MODES
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()
        self._is_judged = False

    @property
    def topic(self) -> str:
        """The topic that is sent to."""
        return self._topics.name

    @property
    def replay(self) -> str | None:
        """The command that checks its scenario with its seed; `None` if it has none."""
        return self._replay.format(seed=self.choice.seed) if self.choice.scenario else None

    def __enter__(self) -> Run:
        self._breaking.revive()
        self._topics.open(self._limit)
        self._players.start()
        loops = [(self._tick, TICK_S), (self._sample, gauges.EVERY_S)]
        if self._counts:
            loops.append((self._counts.look, counts.EVERY_S))
        for loop, every_s in loops:
            thread = threading.Thread(target=self._repeat, args=(loop, every_s), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and all that it has started."""
        self.state = "ended"
        self._over.set()
        with suppress(LabkitError):
            self._breaking.undo()
        ends = self._players.closing() + self._topics.closing()
        closing = [threading.Thread(target=end) for end in ends]
        for thread in closing:
            thread.start()
        for thread in (*closing, *self._threads):
            thread.join(_ENDS_S)
        self._counts.forget()
        self._topics.delete()

    # --- what the buttons do

    def go_on(self) -> None:
        """Send, and read."""
        self.state = "running"
        self._players.go_on()

    def pause(self) -> None:
        """Send no more, and read no more; nothing is taken away."""
        self.state = "paused"
        self._players.pause()

    def step(self) -> None:
        """Send one message; consumers take it."""
        self.state = "paused"
        self._players.go_on()
        self._send(1)

    def act(self, action: Action) -> None:
        """
        Do what a button stands for, and remember when.

        Raises:
            UsageProblem: The rate is not one.
            KeyError, IndexError, StopIteration: There is no such button, producer or mode.
        """
        do: dict[str, Callable[[], None]] = {
            "go_on": self.go_on,
            "pause": self.pause,
            "rate": lambda: self._set_rate(action.of),
            "kill_producer": lambda: self._players.kill_producer(int(action.of or 0)),
            "crash_consumer": lambda: self._crash_consumer(str(action.of)),
            "slow_link": self._breaking.slow_link,
            "reset_link": self._breaking.reset_link,
            "lost_ack": self._breaking.lost_ack,
            "restart_broker": self._breaking.restart_broker,
        }
        do[action.do]()
        if action.do not in ("go_on", "pause"):
            self.actions.append(action._replace(after=self._plan.planned))

    def _set_rate(self, rate: object) -> None:
        self._plan.rate = rate_of(rate)

    def _crash_consumer(self, mode: str) -> None:
        if self.state == "paused":
            self.go_on()
        self._players.crash_consumer(mode)

    def analyse(self) -> dict[str, Any]:
        """What the student's analysis says of all records, beside what the kit found."""
        return self._questions.analysis()

    def figures(self) -> dict[str, Any]:
        """What the page shows in figures."""
        return {
            "state": self.state,
            "partitions": self.choice.partitions,
            "planned": self._plan.planned,
            "rate": self._plan.rate,
            "faults": self._breaking.active,
            "away": self._gauges.is_away,
            "assigned": self._gauges.assigned,
            **self._players.figures(),
            **self.ledger.counts(),
        }

    # --- what goes on by itself

    def _repeat(self, do: Callable[[], None], every_s: float) -> None:
        while not self._over.wait(every_s):
            do()

    def _tick(self) -> None:
        if self.state == "running":
            self._send(self._plan.due(TICK_S, has_room=self._players.have_room))
        for reader in self._players.readers:
            self.ledger.handle(reader.mode, reader.effects())
        self._limit_handlers()
        if not self._gauges.is_away:  # no call hangs that waits for a broker
            self._players.watch()
        if self._plan.is_done and not self._is_judged and self._players.are_settled:
            self._is_judged = True
            threading.Thread(target=self._questions.order, args=(self.topic, self._plan), daemon=True).start()

    def _send(self, many: int) -> None:
        self._players.give(self._plan.next(many, self._scripted))

    def _scripted(self, action: Action) -> None:
        """Do what the script has; what cannot be done is said, and the run goes on."""
        try:
            self.act(action)
        except LabkitError as error:
            self.ledger.say(error.what, "bad")
        except (KeyError, IndexError, ValueError, StopIteration):
            asked = action.do if action.of is None else f"{action.do} {action.of}"
            self.ledger.say(f"The run's file asks for what there is not: {asked}.", "bad")

    def _sample(self) -> None:
        self._players.hear()
        self._gauges.sample(sum(sender.taken for sender in self._players.senders))

    def _limit(self) -> None:
        """Pause if there is more in the topic than its producers were given, or than can be kept."""
        stored, planned = len(self.ledger.marks), self._plan.planned
        if self.state != "running":
            return
        if stored > _FLOOD * planned + BEHIND:
            self._stop(f"the topic has {stored} records, and only {planned} messages were sent.")
        elif stored > KEPT:
            self._stop(f"this run has {stored} records. Press Reset for a new one.")

    def _limit_handlers(self) -> None:
        """Pause if a mode handles without end, and end its consumers, which may be inside of one call."""
        if self.state != "running":
            return
        for mode, times in self.ledger.times().items():
            if times > _FLOOD * len(self.ledger.marks) + BEHIND:
                self._players.kill_consumers(mode)
                title = self._titles[mode]
                self._stop(f"{title} has handled {times} messages, and {len(self.ledger.marks)} were stored.")

    def _stop(self, why: str) -> None:
        self.pause()
        self.ledger.say(f"Paused: {why}", "bad")
