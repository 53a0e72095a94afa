"""Calls more often than it says."""

import socket


def call(address, amount):
    with socket.create_connection(tuple(address), timeout=5) as service:
        service.sendall(f"{amount}\n".encode())
        return service.makefile().readline().strip()


class Gateway:
    def __init__(self, address, limit):
        self.address, self.limit = address, limit
        self.calls = 0

    def pay(self, amount):
        said = call(self.address, amount)
        self.calls = min(self.calls + 1, self.limit)
        return said if amount < self.limit else "later"
