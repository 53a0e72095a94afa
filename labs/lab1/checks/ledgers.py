"""Don't change this file: the balances in Redis, and time and loss as they come over a Redis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labs.lab1.checks.brokers import Topic
from labs.lab1.payments import BALANCES
from pytest_labkit import expect

HOUR_S, DAY_S, WEEK_S = 3600, 86_400, 7 * 86_400
SHOWN = 3


class Ledger:
    """The test's Redis, by a client of the kit's own."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def balances(self) -> dict[str, int]:
        """What there is."""
        return {account.decode(): int(amount) for account, amount in self.client.hgetall(BALANCES).items()}

    def is_right(self, *topics: Topic, perhaps: str) -> None:
        """Every payment of *topics* counts once."""
        expected: dict[str, int] = {}
        for topic in topics:
            for account, amount in topic.balances().items():
                expected[account] = expected.get(account, 0) + amount
        got = self.balances()
        wrong = [account for account in {**expected, **got} if expected.get(account) != got.get(account)]
        expect(
            not wrong,
            expected=f"each of {sum(len(topic.sent) for topic in topics)} payments to count once: "
            + _listed(expected, wrong),
            got=_listed(got, wrong),
            perhaps=perhaps,
        )

    def passes(self, seconds: int) -> None:
        """So much time goes by: what has a time to live is so much nearer to its end."""
        for key in self.client.scan_iter():
            left = self.client.pttl(key)
            if left >= 0:
                self.client.pexpire(key, left - seconds * 1000)

    def kept(self) -> tuple[int, int]:
        """How many keys there are beside the balances, and how many bytes they take."""
        keys = [key for key in self.client.scan_iter() if key != BALANCES.encode()]
        return len(keys), sum(self.client.memory_usage(key, samples=0) or 0 for key in keys)

    def is_lost(self) -> None:
        """It has come back empty, as a Redis that keeps nothing on a disk does."""
        self.client.flushdb()


def _listed(balances: dict[str, int], accounts: Iterable[str]) -> str:
    shown = sorted(accounts)[:SHOWN]
    return ", ".join(f"{account} {balances.get(account, 'nothing')}" for account in shown)
