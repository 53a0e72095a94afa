"""A1: the balances of accounts, over entries that no run has seen before."""

import string

import pytest

from pytest_labkit import expect

pytestmark = pytest.mark.criterion("A1")


def entries(account, rng):
    """Some entries of *account* among those of others."""
    others = ["".join(rng.choices(string.ascii_lowercase, k=6)) for _ in range(2)]
    amounts = (rng.randint(-(10**9), 10**9) for _ in range(rng.randint(5, 9)))
    return [(name, amount) for amount in amounts for name in (account, *others)]


def test_the_example(answers):
    """The example of the lab's text is right."""
    expect.equal(7, answers.ledger.balance("cash", [("cash", 10), ("bank", 5), ("cash", -3)]))


def test_a_balance(answers, rng):
    """A balance is the sum of the account's own entries."""
    given = entries("cash", rng)
    expected = sum(amount for name, amount in given if name == "cash")
    expect.equal(expected, answers.ledger.balance("cash", given))


def test_a_statement(answers, rng):
    """A statement says the balance in words."""
    given = entries("cash", rng)
    expected = f"cash: {sum(amount for name, amount in given if name == 'cash')}"
    expect.equal(expected, answers.ledger.statement("cash", given))
