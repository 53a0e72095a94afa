"""What is on the page: one run after another, and the orders that buttons give."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException

from pytest_labkit.domain.errors import LabkitError
from pytest_labkit.simulator.cast import Cast
from pytest_labkit.simulator.choice import Choice, chosen
from pytest_labkit.simulator.player import HANGS_S
from pytest_labkit.simulator.run import Run
from pytest_labkit.simulator.runfile import Action, RunFile


class Stage:
    """
    The run that is shown, if one was begun. Orders come one at a time, from any thread.

    Attributes:
        number: Counts the runs: a page that sees another one begins anew.
        problem: Why the last order was not carried out, in a sentence.
    """

    def __init__(self, cast: Cast, hangs_s: float = HANGS_S) -> None:
        self.cast = cast
        self.run: Run | None = None
        self.number = 0
        self.problem = ""
        self._hangs_s = hangs_s
        self._lock = threading.Lock()

    def order(self, told: Mapping[str, Any]) -> None:
        """Do what the page asks for; `problem` says why not, if so."""
        with self._lock:
            self.problem = ""
            try:
                self._do(told)
            except LabkitError as error:
                self.problem = error.what
            except KafkaException as error:
                self.problem = f"Kafka refused it: {error.args[0].str()}."
            except TimeoutError:
                self.problem = "Kafka does not answer."
            except (KeyError, IndexError, TypeError, ValueError, StopIteration):
                self.problem = "The page asked for what there is not."

    def _do(self, told: Mapping[str, Any]) -> None:
        what = told["do"]
        if what == "start":
            self._start(chosen(told["choice"], self.cast.offer))
        elif what == "open":
            file = RunFile.of(told["file"])
            self._end()
            self._start(chosen(file.choice, self.cast.offer), file.actions)
        elif what == "reset":
            self._end()
        elif what == "step":
            if self.run is None:
                self._begin(chosen(told["choice"], self.cast.offer))
            self._playing.step()
        elif what == "rate":
            self._playing.act(Action(what, told["rate"]))
        else:
            self._playing.act(Action(what, told.get("of")))

    @property
    def _playing(self) -> Run:
        if self.run is None:
            raise KeyError("nothing plays")
        return self.run

    def _start(self, choice: Choice, script: tuple[Action, ...] = ()) -> None:
        if self.run is None:
            self._begin(choice, script)
        self._playing.go_on()

    def _begin(self, choice: Choice, script: tuple[Action, ...] = ()) -> None:
        run = Run(self.cast, choice, script, hangs_s=self._hangs_s)
        run.__enter__()
        self.run = run
        self.number += 1

    def _end(self) -> None:
        if self.run is not None:
            run, self.run = self.run, None
            self.number += 1
            run.__exit__()

    def close(self) -> None:
        """End what plays."""
        with self._lock:
            self._end()
