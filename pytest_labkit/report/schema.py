"""`report.schema.json`, generated from what a document is made of."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from pytest_labkit.report.document import adapter


def schema() -> dict[str, Any]:
    """The JSON Schema of `report.json`."""
    return {
        "$schema": _AsWritten.schema_dialect,
        "$id": "urn:labkit:report:1",
        **adapter().json_schema(schema_generator=_AsWritten, mode="serialization"),
    }


class _AsWritten(GenerateJsonSchema):
    """What every run writes: all fields, whatever their defaults; instants in UTC."""

    def field_is_required(self, *_: Any, **__: Any) -> bool:
        return True

    def field_title_should_be_set(self, *_: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> Any:
        return self.generate_inner(schema["schema"])

    def datetime_schema(self, schema: Any) -> Any:
        return {**super().datetime_schema(schema), "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"}
