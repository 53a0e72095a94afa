"""The model answer to the lab that is to be cheated: payments."""

import socket


class Gateway:
    """Pays through a service, and leaves it alone after *limit* failures in a row."""

    def __init__(self, address, limit):
        self._address, self._limit = tuple(address), limit
        self._failures = 0
        self.calls = 0

    def pay(self, amount):
        """`ok`, `no`, or `later` where the service was not called."""
        if self._failures >= self._limit:
            return "later"
        self.calls += 1
        with socket.create_connection(self._address, timeout=5) as service:
            service.sendall(f"{amount}\n".encode())
            answer = service.makefile().readline().strip()
        self._failures = 0 if answer == "ok" else self._failures + 1
        return answer
