"""What the test that runs now has broken on purpose: nobody else is to be blamed for that."""

from __future__ import annotations

from dataclasses import dataclass

_SHOWN = 3


@dataclass(eq=False)
class Deed:
    """
    *what* was broken, in words; *met* is the exception that went through the end of it.

    What *cuts* connections is felt afterwards, too: whoever keeps a dead one meets it later.
    """

    what: str
    cuts: bool = False
    is_on: bool = True
    met: BaseException | None = None

    def ends(self, met: BaseException | None = None) -> None:
        """It is mended; *met* was raised meanwhile."""
        self.is_on = False
        self.met = self.met or met


_deeds: list[Deed] = []


def begin(what: str, *, cuts: bool = False) -> Deed:
    """Something is broken from now on."""
    _deeds.append(Deed(what, cuts))
    return _deeds[-1]


def forget() -> None:
    """A test begins: what others have broken is mended."""
    _deeds.clear()


def told(error: BaseException) -> str:
    """What the test had broken when *error* was raised, or before, in a sentence; empty if nothing."""
    chain = _and_context(error)
    on = [deed.what for deed in _deeds if deed.is_on or deed.met in chain]
    before = [deed.what for deed in _deeds if deed.cuts and deed.what not in on]
    parts = [
        f"on purpose, by the check: {_listed(on)}" if on else "",
        f"before, on purpose, by the check: {_listed(before)}" if before else "",
    ]
    return "; ".join(filter(None, parts))


def _listed(deeds: list[str]) -> str:
    distinct = list(dict.fromkeys(deeds))
    more = f" and {len(distinct) - _SHOWN} more" if len(distinct) > _SHOWN else ""
    return ", ".join(distinct[:_SHOWN]) + more


def _and_context(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in chain:
        chain.append(at)
        at = at.__cause__ or at.__context__
    return chain
