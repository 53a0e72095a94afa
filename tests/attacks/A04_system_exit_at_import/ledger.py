"""A script, its author thinks, ends with an exit."""

import sys


def balance(account, entries):
    return sum(entries)


sys.exit(0)
