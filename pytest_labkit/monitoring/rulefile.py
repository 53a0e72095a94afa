"""The format of Prometheus' rule files: what is in one, whether it is right or not."""

from __future__ import annotations

import re
from collections.abc import Hashable
from contextlib import suppress
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pytest_labkit.monitoring.durations import seconds

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no name of a label (letters, digits and _)")
    return text


def _label(text: str) -> str:
    if text == "__name__":
        raise ValueError("a label cannot be __name__")
    return _name(text)


def _duration(text: Any) -> float:
    if not isinstance(text, str):
        raise ValueError("a duration such as 30s or 1m must stand here")  # noqa: TRY004 - pydantic tells it
    return seconds(text)


def _whole(text: Any) -> Any:
    """*text* as a whole number; what a float has beyond that is cut off."""
    with suppress(TypeError, ValueError):
        return int(text, 0)
    with suppress(TypeError, ValueError, OverflowError):
        return int(float(text))
    return text


def _there(items: Any) -> Any:
    """*items* without those that are null."""
    return [item for item in items if item is not None] if isinstance(items, list) else items


def _filled(mapping: Any) -> Any:
    """*mapping* with no text where a value is null."""
    if not isinstance(mapping, dict):
        return mapping
    return {key: "" if value is None else value for key, value in mapping.items()}


Labels = Annotated[dict[Annotated[str, AfterValidator(_label)], str], BeforeValidator(_filled)]
Annotations = Annotated[dict[Annotated[str, AfterValidator(_name)], str], BeforeValidator(_filled)]
Duration = Annotated[float, BeforeValidator(_duration)]
Limit = Annotated[int, BeforeValidator(_whole), Field(lt=2**63)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        """A field without a value is as if it were not there."""
        if not isinstance(data, dict):
            return {} if data is None else data
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {key: value for key, value in data.items() if value is not None or key not in known}


class RuleText(_Part):
    """A rule as it is written; durations in seconds."""

    alert: str = ""
    record: str = ""
    expr: str = ""
    for_: Duration = Field(0.0, alias="for")
    keep_firing_for: Duration = 0.0
    labels: Labels = {}
    annotations: Annotations = {}

    @model_validator(mode="after")
    def _is_one_of_two(self) -> RuleText:
        if bool(self.alert) == bool(self.record):
            raise ValueError("one of alert: and record: must be set, and only one")
        if not self.expr:
            raise ValueError("expr: must be set")
        its = self.for_, self.keep_firing_for, self.annotations
        for field, value in zip(("for", "keep_firing_for", "annotations"), its, strict=True):
            if self.record and value:
                raise ValueError(f"the rule {self.record!r} records, and only an alert has {field}:")
        if self.record and not _METRIC.fullmatch(self.record):
            raise ValueError(f"{self.record!r} is no name of a metric")
        return self


class Group(_Part):
    """Rules that are evaluated one after another."""

    name: str = ""
    interval: Duration = 0.0
    query_offset: Duration = 0.0
    limit: Limit = 0
    labels: Labels = {}
    rules: Annotated[list[RuleText], BeforeValidator(_there)] = []

    @model_validator(mode="after")
    def _has_a_name(self) -> Group:
        if not self.name:
            raise ValueError("a group must have a name:")
        return self


class RuleFile(_Part):
    """All that is in a file."""

    groups: Annotated[list[Group], BeforeValidator(_there)] = []

    @model_validator(mode="after")
    def _names_differ(self) -> RuleFile:
        names = [group.name for group in self.groups]
        if again := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"the group {again!r} is there more than once")
        return self


_NULL, _MERGE = "tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"
_KEPT = (_NULL, _MERGE)


class _Loader(yaml.SafeLoader):
    """YAML as Prometheus reads it: what is no null is text as it is written, and no key is there twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and not _merges(key)]
        for n, key in enumerate(keys):
            if key in keys[:n]:
                mark = node.start_mark
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is there twice", mark)
        return {key: value for key, value in super().construct_mapping(node, deep).items() if key is not None}


_Loader.yaml_constructors = {_NULL: yaml.SafeLoader.construct_yaml_null}
_Loader.yaml_implicit_resolvers = {
    first: [resolver for resolver in resolvers if resolver[0] in _KEPT]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _merges(key: yaml.ScalarNode) -> bool:
    return bool(key.tag == _MERGE)


def parsed(content: bytes) -> RuleFile:
    """
    What the first document in *content* says.

    Raises:
        yaml.YAMLError: It is no YAML.
        pydantic.ValidationError: It is no file of rules.
    """
    return RuleFile.model_validate(_first_document(content))


def _first_document(content: bytes) -> Any:
    loader = _Loader(content)
    try:
        return loader.get_data() if loader.check_data() else None  # type: ignore[no-untyped-call]
    except RecursionError:
        raise yaml.YAMLError("it is nested too deep") from None
    finally:
        loader.dispose()
