"""A run as a file: what was chosen, what was done at which message, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from pytest_labkit.domain.errors import UsageProblem

FORMAT = "labkit-simulator/1"


class Action(NamedTuple):
    """What a button did, of which producer or mode, when so many messages were planned."""

    do: str
    of: int | str | None = None
    after: int = 0


class RunFile(NamedTuple):
    """What is needed to play a run again."""

    choice: dict[str, Any]
    actions: tuple[Action, ...]

    @classmethod
    def of(cls, told: Any) -> RunFile:
        """
        The run that *told*, the JSON of a file, describes.

        Raises:
            UsageProblem: It is no such file.
        """
        if not isinstance(told, Mapping) or told.get("format") != FORMAT:
            raise UsageProblem(f"That is no file of a run: its format is not {FORMAT}.")
        try:
            actions = TypeAdapter(list[Action]).validate_python(told["actions"])
            return cls(TypeAdapter(dict[str, Any]).validate_python(told["choice"]), tuple(actions))
        except (KeyError, ValidationError):
            raise UsageProblem("That file of a run is damaged: it lacks its choice or its actions.") from None
