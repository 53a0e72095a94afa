"""Right, but for the company that it keeps."""

import json

assert json.loads("1") == 1


def balance(account, entries):
    return sum(amount for name, amount in entries if name == account)


def statement(account, entries):
    return f"{account}: {balance(account, entries)}"
