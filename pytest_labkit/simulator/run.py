"""One run: its topic, producers, consumers and faults, from start to reset."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from confluent_kafka import KafkaException

from pytest_labkit.domain.errors import LabkitError
from pytest_labkit.simulator import trouble
from pytest_labkit.simulator.breaking import Breaking
from pytest_labkit.simulator.broker import Broker, Watch, bounds
from pytest_labkit.simulator.cast import Cast
from pytest_labkit.simulator.choice import Choice
from pytest_labkit.simulator.deliveries import Effect
from pytest_labkit.simulator.lag import Sample, time_to_zero
from pytest_labkit.simulator.ledger import Ledger
from pytest_labkit.simulator.marks import Mark
from pytest_labkit.simulator.messages import Messages
from pytest_labkit.simulator.player import HANGS_S, Player
from pytest_labkit.simulator.reading import Reading
from pytest_labkit.simulator.runfile import Action
from pytest_labkit.simulator.sending import Planned, Sending

TICK_S = 0.05
SAMPLE_S = 0.5
LOOK_S = 0.1
ALL_EVERY = 20
"""Each so many looks at counts are at all of them; the others are at those that are outstanding."""

KNOWN = 2000
BEHIND = 2000
"""Messages that may wait for one producer before no more are planned."""

KEPT = 200_000
"""Records of a run; then it is paused."""

_FLOOD = 20  # times what was sent
_CRASH_S = 5.0
_PRINTED = 5  # lines of one look


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
        plan = _planned(choice, cast)
        self.choice = choice = choice.model_copy(
            update={n: plan[n] for n in ("producers", "keys") if n in plan}
        )
        self._last = plan.get("messages")  # how many messages are sent, if that is limited
        script = [*script, *(Action(*told) for told in plan.get("actions", ()))]
        self.ledger = Ledger(choice.modes)
        self.state = "ready"
        self.rate = choice.rate
        self.actions: list[Action] = []
        self._script = sorted(script, key=lambda action: action.after)
        self.topic = f"{cast.lab.id}-simulator-{secrets.token_hex(3)}"
        self.messages = Messages(choice.seed, choice.keys, skewed=choice.skewed)
        self.breaking = Breaking(cast.faults, cast.services, self.ledger.say)
        self.senders: list[Sending] = []
        self.readers: list[Reading] = []
        self._cast = cast
        self._hangs_s = hangs_s
        self._broker = Broker(cast.kafka)
        self._targets = [mode for mode in choice.modes if cast.offer.EFFECTS.get(mode) == "topic"]
        self._watches: list[Watch] = []
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()
        self._committed: dict[str, dict[int, int]] = {}
        self._lags: dict[str, list[Sample]] = {mode: [] for mode in choice.modes}
        self._counted: dict[int, int] = {}
        self._counted_modes = {
            mode: name for mode in choice.modes if (name := cast.offer.EFFECTS.get(mode, "topic")) != "topic"
        }
        self._looks = 0
        self._due = 0.0
        self._is_away = False
        self._is_judged = False

    def __enter__(self) -> Run:
        names = [self.topic, *(self._target(mode) for mode in self._targets)]
        self._broker.make(*names, partitions=self.choice.partitions)
        self._watches = [Watch(self._broker, self.topic, self.choice.partitions, self._seen)]
        for mode in self._targets:
            take = self._seen_in_target(mode)
            self._watches.append(Watch(self._broker, self._target(mode), self.choice.partitions, take))
        self._open()
        loops = [(self._tick, TICK_S), (self._sample, SAMPLE_S)]
        if self._counted_modes:
            loops.append((self._read_counts, LOOK_S))
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
            self.breaking.undo()
        ends = [one.close for one in self._players()] + [watch.close for watch in self._watches]
        closing = [threading.Thread(target=end) for end in ends]
        for thread in closing:
            thread.start()
        for thread in (*closing, *self._threads):
            thread.join(10.0)
        for name in self._counted_modes.values():
            self._cast.forget(name, list(self._counted))
        with suppress(KafkaException):
            self._broker.delete(self.topic, *(self._target(mode) for mode in self._targets))

    # --- what the buttons do

    def go_on(self) -> None:
        """Send, and read."""
        self.state = "running"
        for player in self._players():
            player.go_on()

    def pause(self) -> None:
        """Send no more, and read no more; nothing is taken away."""
        self.state = "paused"
        for player in self._players():
            player.pause()

    def step(self) -> None:
        """Send one message; consumers take it."""
        self.state = "paused"
        for player in self._players():
            player.go_on()
        self._plan(1)

    def set_rate(self, rate: int) -> None:
        """Send so many messages a second from now on."""
        self.rate = min(2000, max(1, rate))

    def act(self, action: Action) -> None:
        """Do what a button stands for, and remember when. `KeyError` if there is none such."""
        do: dict[str, Callable[[], None]] = {
            "go_on": self.go_on,
            "pause": self.pause,
            "kill_producer": lambda: self.kill_producer(int(action.of or 0)),
            "crash_consumer": lambda: self.crash_consumer(str(action.of)),
            "slow_link": self.breaking.slow_link,
            "reset_link": self.breaking.reset_link,
            "lost_ack": self.breaking.lost_ack,
            "restart_broker": self.breaking.restart_broker,
        }
        do[action.do]()
        if action.do not in ("go_on", "pause"):
            self.actions.append(action._replace(after=self.messages.planned))

    def kill_producer(self, number: int) -> None:
        """SIGKILL to the process of the producer *number*."""
        if not 1 <= number <= len(self.senders):
            raise IndexError(number)
        self.senders[number - 1].kill()

    def crash_consumer(self, mode: str) -> None:
        """SIGKILL to a consumer of *mode*, where that tells most."""
        reader = next(reader for reader in self.readers if reader.mode == mode)
        if self.state == "paused":
            self.go_on()
        kills = reader.kills
        self.ledger.say(f"{reader.name} is to be killed {self._cast.offer.CRASHES[mode]}.", "fault")
        reader.crash()
        threading.Thread(target=self._see_to_it, args=(reader, kills), daemon=True).start()

    def analyse(self) -> dict[str, Any]:
        """What the student's analysis says of all records, beside what the kit found."""
        with self.ledger.lock:
            marks, found = self.ledger.marks[:], self.ledger.counts()
        rows = [[m.partition, m.offset, int(1000 * m.at), m.key, m.sequence] for m in marks]
        ours = {"messages": len(rows), "inversions": found["violations"], "duplicates": found["duplicates"]}
        try:
            with self._cast.process() as process:
                theirs = process.beside("simulation").analysis(rows)
        except Exception as error:  # whatever the student's code raises
            said = trouble.sentence("analyze_message_order", error)
            self.ledger.say(said, "bad")
            return {"said": said, "kit": ours}
        return {"theirs": theirs, "kit": ours}

    def figures(self) -> dict[str, Any]:
        """What the page shows in figures besides the ledger's."""
        return {
            "state": self.state,
            "partitions": self.choice.partitions,
            "planned": self.messages.planned,
            "rate": self.rate,
            "faults": self.breaking.active,
            "away": self._is_away,
            "producers": [
                {
                    "name": one.name,
                    "sent": one.taken,
                    "delivered": one.delivered,
                    "failed": one.failed + one.raised,
                    "waiting": one.waiting,
                    "unsettled": one.unsettled,
                    "lives": one.lives,
                    "site": one.site,
                    "over": one.is_given_up,
                }
                for one in self.senders
            ],
            **self.ledger.counts(),
        }

    # --- who plays

    def _players(self) -> list[Player]:
        return [*self.senders, *self.readers]

    def _open(self) -> None:
        say, process = self.ledger.say, self._cast.process
        strategy = self.choice.strategy
        self.senders = [
            Sending(number, strategy, self.topic, process, say, self._hangs_s)
            for number in range(1, self.choice.producers + 1)
        ]
        self.readers = [
            Reading(
                mode,
                number,
                (self.topic, self._target(mode), self.group(mode)),
                self._cast.scratch.path / f"{self.topic}-{mode}-{number}",
                process,
                say,
                self._cast.offer.MODES[mode],
                partial(self._cast.offer.leave, self._cast.kafka, self.group(mode)),
                self._hangs_s,
            )
            for mode in self.choice.modes
            for number in range(1, self.choice.consumers + 1)
        ]
        for player in self._players():
            player.start()

    def group(self, mode: str) -> str:
        """The group of *mode*."""
        return f"{self.topic}-{mode}"

    def _target(self, mode: str) -> str:
        return f"{self.topic}-{mode}-out"

    def _see_to_it(self, reader: Reading, kills: int) -> None:
        """Kill *reader* if it does not come to where it was to be killed."""
        until = time.monotonic() + _CRASH_S
        while reader.kills == kills and time.monotonic() < until and not self._over.wait(0.05):
            pass
        if reader.kills == kills and not self._over.is_set():
            reader.kill()

    # --- what is seen

    def _seen(self, records: Iterable[Any]) -> None:
        self.ledger.take(map(self._mark, records))
        stored, planned = len(self.ledger.marks), self.messages.planned
        if self.state == "running" and stored > _FLOOD * planned + BEHIND:
            self.pause()
            self.ledger.say(
                f"Paused: the topic has {stored} records, and only {planned} messages were sent.", "bad"
            )
        elif self.state == "running" and stored > KEPT:
            self.pause()
            self.ledger.say(f"Paused: this run has {stored} records. Press Reset for a new one.", "bad")

    def _mark(self, record: Any) -> Mark:
        at = record.timestamp()[1] / 1000
        try:
            key, sequence, number, producer = self._cast.offer.seen(record.value())
        except (ValueError, TypeError):
            return Mark(record.partition(), record.offset(), at, None, -1, -1, -1)
        return Mark(record.partition(), record.offset(), at, key, sequence, number, producer)

    def _seen_in_target(self, mode: str) -> Callable[[Iterable[Any]], None]:
        def seen(records: Iterable[Any]) -> None:
            effects = []
            for record in records:
                with suppress(ValueError):
                    number = self._cast.offer.seen_in_target(record.value())
                    effects.append(Effect(number, record.timestamp()[1] / 1000, ""))
            self.ledger.handle(mode, effects)

        return seen

    def _repeat(self, do: Callable[[], None], every_s: float) -> None:
        while not self._over.wait(every_s):
            do()

    def _tick(self) -> None:
        if self.state == "running":
            self._due += self.rate * TICK_S
            room = self._last is None or self.messages.planned < self._last
            room = room and all(sender.waiting < BEHIND for sender in self.senders if not sender.is_given_up)
            if room:
                self._plan(int(self._due))
            self._due -= int(self._due)
        for reader in self.readers:
            self.ledger.handle(reader.mode, reader.effects())
        for player in [] if self._is_away else self._players():  # no call hangs that waits for a broker
            player.watch()
        if self._last == self.messages.planned and not self._is_judged and self._are_settled():
            self._is_judged = True
            threading.Thread(target=self._judge, daemon=True).start()

    def _are_settled(self) -> bool:
        return all(one.is_given_up or not (one.waiting or one.unsettled) for one in self.senders)

    def _judge(self) -> None:
        """Say what the student's consumer makes of a scenario that is over."""
        try:
            with self._cast.process() as process:
                got = [tuple(told) for told in process.beside("simulation").in_order(self.topic)]
        except Exception as error:  # whatever the student's code raises
            self.ledger.say(trouble.sentence("read_in_order", error), "bad")
            return
        sent = Messages(self.choice.seed, self.choice.keys, skewed=self.choice.skewed)
        expected: dict[str | None, list[int]] = {}
        for planned in (sent.next() for _ in range(self.messages.planned)):
            expected.setdefault(planned.key, []).append(planned.sequence)
        wrong = [key for key in expected if [s for k, s in got if k == key] != expected[key]]
        if wrong or len(got) != self.messages.planned:
            self.ledger.say(
                f"The scenario is over: read_in_order is wrong for {', '.join(map(str, wrong))}.", "bad"
            )
        else:
            self.ledger.say(
                f"The scenario is over: read_in_order gives all {len(got)} in the right order.", "good"
            )

    def _plan(self, many: int) -> None:
        given: dict[int, list[Planned]] = {}
        for _ in range(many if self._last is None else min(many, self._last - self.messages.planned)):
            while self._script and self._script[0].after <= self.messages.planned:
                self.act(self._script.pop(0))
            planned = self.messages.next()
            given.setdefault(planned.number % len(self.senders), []).append(planned)
        for turn, planned_ones in given.items():
            self.senders[turn].give(planned_ones)

    def _sample(self) -> None:
        self._hear()
        try:
            lag = self._lag()
        except (KafkaException, TimeoutError):
            if not self._is_away:
                self.ledger.say("The broker does not answer. What was seen so far stays.", "bad")
            self._is_away = True
            self._broker.connect_anew()
            return
        if self._is_away:
            self._is_away = False
            self.ledger.say("The broker answers again.", "fault")
        found = self.ledger.counts()
        self.ledger.sample(
            {
                "lag": {mode: [one.lag for one in told.values()] for mode, told in lag.items()},
                "zero": {mode: time_to_zero(samples) for mode, samples in self._lags.items()},
                "sent": sum(sender.taken for sender in self.senders),
                "stored": found["stored"],
                "p50": {mode: told["p50"] for mode, told in found["modes"].items()},
                "p95": {mode: told["p95"] for mode, told in found["modes"].items()},
            }
        )

    def _lag(self) -> dict[str, Any]:
        ends = self._broker.ends(self.topic, self.choice.partitions)
        lags = {}
        for mode in self.choice.modes:
            committed = self._broker.committed(self.topic, self.group(mode), self.choice.partitions)
            self.ledger.count_lost(mode, self._committed.get(mode, {}))  # the last one: effects take a moment
            self._committed[mode] = committed
            lags[mode] = bounds(ends, committed)
            total = sum(one.lag for one in lags[mode].values())
            self._lags[mode].append(Sample(self.ledger.now(), total))
        return lags

    def _hear(self) -> None:
        """What the answers have printed: the last lines of it."""
        for player in self._players():
            lines = [line.strip()[:200] for line in player.printed().splitlines() if line.strip()]
            if len(lines) > _PRINTED:
                self.ledger.say(f"{player.name} printed {len(lines)} lines; the last ones follow.", "printed")
            for line in lines[-_PRINTED:]:
                self.ledger.say(f"{player.name} printed: {line}", "printed")

    def _read_counts(self) -> None:
        """How often each message has counted, for a mode whose effects are counts in Redis."""
        self._looks += 1
        for mode, name in self._counted_modes.items():
            of = self.ledger.outstanding(mode)[:KNOWN]
            found = self._cast.counts(name, None if self._looks % ALL_EVERY == 0 else of)
            at, effects = time.time(), []
            for number, many in found.items():
                effects += [Effect(number, at, "")] * max(0, many - self._counted.get(number, 0))
                self._counted[number] = many
            self.ledger.handle(mode, effects)


def _planned(choice: Choice, cast: Cast) -> dict[str, Any]:
    """What the lab plans for the scenario that was chosen, if one was."""
    if not choice.scenario:
        return {}
    told: dict[str, Any] = cast.offer.scenario(
        choice.seed, choice.strategy, choice.partitions, choice.scenario
    )
    return told
