"""Watches nothing yet."""


def watch(breaker: object, name: str) -> None:
    """To be written."""
    raise NotImplementedError("TODO")
