"""A proxy of the environment's is for the network outside: what is on this machine is reached without it."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""The names of this machine that services listen at. No ranges: most libraries compare names only."""

_SPELLINGS = ("no_proxy", "NO_PROXY")  # which of the two wins differs by library: both say the same


def past_proxies(environ: MutableMapping[str, str]) -> Callable[[], None]:
    """
    Add this machine to what *environ* has no proxy for; what is returned undoes it.

    The proxies stay, for what is elsewhere. Where there is none nothing changes: with the variable alone,
    urllib would no longer ask macOS and Windows for theirs.
    """
    before = {name: environ.get(name) for name in _SPELLINGS}
    if any(value and _is_a_proxy(name) for name, value in environ.items()):
        for name in _SPELLINGS:
            environ[name] = _extended(before[name] or _given(environ))

    def undo() -> None:
        for name, value in before.items():
            if value is None:
                environ.pop(name, None)
            else:
                environ[name] = value

    return undo


def _is_a_proxy(name: str) -> bool:
    return name.lower().endswith("_proxy") and name.lower() != "no_proxy"


def _given(environ: MutableMapping[str, str]) -> str:
    """What is reached without a proxy by now, in whatever spelling: small letters come first."""
    names = sorted((name for name in environ if name.lower() == "no_proxy"), reverse=True)
    return next((environ[name] for name in names if environ[name]), "")


def _extended(given: str) -> str:
    names = [name.strip() for name in given.split(",") if name.strip()]
    if "*" in names:
        return "*"
    return ",".join(dict.fromkeys([*names, *LOOPBACK]))
