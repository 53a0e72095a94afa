"""The process that the links of a run lead through, started when the first of them is opened."""

from __future__ import annotations

import subprocess
import threading
from typing import Any

from pytest_labkit.faults.orders import Client, Gone
from pytest_labkit.host.children import Child


class ProxyProcess:
    """
    The process through which links lead; started on first use, ended by `close` or with this process.

    Safe in threads; an interrupted order leaves it usable.
    """

    def __init__(self) -> None:
        self._child: Child | None = None
        self._client: Client
        self._lock = threading.Lock()

    def order(self, do: str, **given: Any) -> Any:
        """
        Have *do* done by the `control.ProxyControl` there; what it answers.

        Raises:
            KitError: It does not answer, or could not do it. If it has ended, the next order starts another.
        """
        with self._lock:
            if self._child is None:
                self._start()
            try:
                return self._client.order(do, **given)
            except Gone:
                self._end()
                raise

    def close(self) -> None:
        """End the process, and with it every connection through it."""
        with self._lock:
            self._end()

    def _start(self) -> None:
        child = self._child = Child("pytest_labkit.faults.control", stdout=subprocess.PIPE)
        gone = Gone("The relay in front of the services has ended.")
        self._client = Client("The relay in front of the services", child.answers, child.send, gone)

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None
