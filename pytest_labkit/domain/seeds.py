"""One number from which all chance in a run follows, so that the run can be had again: `--lab-seed N`."""

from __future__ import annotations

import hashlib
import secrets


def draw() -> int:
    """A seed for a run, short enough to be typed."""
    return secrets.randbelow(1_000_000)


def derive(seed: int, *names: str) -> int:
    """
    The seed that *seed* gives to whatever *names* name: a test, and a place in it.

    A hash (SHA-256), not a sequence: what one name gets does not depend on which others were asked for,
    or in what order. 63 bits, so that any language's generator takes it.
    """
    text = "\0".join((str(seed), *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
