"""The model answer to the lab that is to be cheated: accounts."""


def balance(account, entries):
    """The sum of the account's entries."""
    return sum(amount for name, amount in entries if name == account)


def statement(account, entries):
    """The balance in words."""
    return f"{account}: {balance(account, entries)}"
