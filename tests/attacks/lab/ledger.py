"""Accounts, as the sums of their entries."""


def balance(account: str, entries: list[tuple[str, int]]) -> int:
    """The sum of what *entries*, (account, amount) each, say of *account*."""
    raise NotImplementedError("TODO A1: the balance of an account")


def statement(account: str, entries: list[tuple[str, int]]) -> str:
    """The balance in words: `cash: 12`."""
    raise NotImplementedError("TODO A1: the statement of an account")
