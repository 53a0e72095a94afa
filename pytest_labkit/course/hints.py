"""
`hints.toml` -> the hints on each criterion of a lab, in a file of their own: nobody meets them by chance.

Read by whoever asks for a hint, and by no run.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.domain.model import Lab

FILE = "hints.toml"
WARNING = "# Hints, from a question to almost the answer."
"""What its first line begins with."""

STEPS = 3
_SHAPE = TypeAdapter(dict[str, tuple[str, ...]])


def read(lab: Lab) -> Mapping[str, tuple[str, ...]]:
    """
    Criterion -> its hints, those that give away least first; nothing where *lab* has no such file.

    Raises:
        UsageProblem: It is not TOML, or not of that shape.
    """
    path = lab.folder / FILE
    shown = "/".join((*lab.package.split("."), FILE))
    try:
        return _SHAPE.validate_python(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageProblem(f"{shown} is not valid TOML: {error}.") from None
    except ValidationError as error:
        place = error.errors()[0]["loc"][0]
        raise UsageProblem(f'{shown}: {place} is wrong: hints read like A2 = ["…", "…", "…"].') from None
