"""Kinds of text and of figure: a field that is of one is shown, written and read as its kind says."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any

Prose = Annotated[str, "may have lines of its own"]


class NullForNaN:
    """On a float: JSON has no word for NaN or infinity, so `null` is written, and read as NaN."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: Callable[[Any], Any]) -> Any:
        """How pydantic, which this module does without, reads and writes it."""
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(
            lambda figure: math.nan if figure is None else figure,
            handler(source),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda figure: figure if math.isfinite(figure) else None, when_used="json"
            ),
        )

    @staticmethod
    def __get_pydantic_json_schema__(_schema: Any, _handler: Any) -> dict[str, Any]:
        """A number or `null`."""
        return {"type": ["number", "null"]}


Figure = Annotated[float, NullForNaN]
"""A float that may be NaN: there is no such figure, or it was no number."""
