"""Takes as long as it takes, and lets nobody interrupt."""

import time


def balance(account, entries):
    for _ in range(3):
        try:
            time.sleep(60)
        except:  # noqa: E722
            break
    return sum(amount for name, amount in entries if name == account)
