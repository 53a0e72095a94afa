"""Don't change this file: a projector that runs on and on, and many questions at once, beside your code."""

from __future__ import annotations

import threading
from typing import Any


class Running:
    """A thread that calls `run_once` of *projector* until it is stopped, and goes on after an error."""

    def __init__(self, projector: Any) -> None:
        self._projector = projector
        self._done = threading.Event()
        self._errors: list[str] = []
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)
        self._thread.start()

    def stop(self) -> list[str]:
        """End it; what was raised meanwhile, a line each."""
        self._done.set()
        self._thread.join()
        return self._errors

    def _run(self) -> None:
        while not self._done.is_set():
            try:
                self._projector.run_once(0.2)
            except NotImplementedError:
                raise
            except Exception as error:
                self._errors.append(f"{type(error).__name__}: {error}"[:300])
                self._done.wait(0.05)


def versions(view: Any, order_ids: list[str]) -> list[int]:
    """The versions at which *view* shows these orders, 0 for one that it does not show."""
    states = [view.order(order_id) for order_id in order_ids]
    return [0 if state is None else int(state.version) for state in states]
