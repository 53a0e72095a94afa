"""Alert rules in Prometheus' own format: a file -> `Rule`s, or one plain message."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pytest_labkit.domain.errors import Mistake

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")
_SECONDS = (86400.0, 3600.0, 60.0, 1.0, 0.001)
_TOOL_S = 30.0


@dataclass(frozen=True)
class Rule:
    """
    An alert and what it is raised by.

    *for_s* is for how long the expression has to hold before it fires, *keep_firing_s* for how long it fires
    after that; both in seconds.
    """

    name: str
    expr: str
    for_s: float
    keep_firing_s: float
    labels: dict[str, str]
    annotations: dict[str, str]


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid")
    alert: str | None = None
    record: str | None = None
    expr: str | float
    for_: str = Field("0s", alias="for")
    keep_firing_for: str = "0s"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}

    @field_validator("for_", "keep_firing_for")
    @classmethod
    def _is_a_duration(cls, text: str) -> str:
        seconds(text)
        return text


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    interval: str = "1m"
    limit: int = 0
    labels: dict[str, str] = {}
    rules: list[_Rule] = []


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    groups: list[_Group] = []


def read(file: Path) -> list[Rule]:
    """
    The alerts in *file*.

    Raises:
        Mistake: It cannot be read, is no YAML, no file of rules, or an expression is no PromQL.
    """
    import yaml

    try:
        told = _File.model_validate(yaml.safe_load(file.read_text("utf-8")) or {})
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(file, "a file of alert rules that can be read", str(error)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise _wrong(file, "YAML", f"{getattr(error, 'problem', None) or error}{where}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise _wrong(file, "Prometheus' format of rules", f"{place}: {first['msg']}") from None
    return [_made(file, rule, group) for group in told.groups for rule in group.rules]


def check(file: Path) -> None:
    """Have `promtool check rules` look at *file*, where it is installed; raises `Mistake` if it complains."""
    if (tool := shutil.which("promtool")) is None:
        return
    done = subprocess.run(
        [tool, "check", "rules", str(file)], capture_output=True, text=True, timeout=_TOOL_S, check=False
    )
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).replace(str(file), file.name).split())
        raise _wrong(file, "promtool check rules to accept it", said[:400])


def seconds(text: str) -> float:
    """A duration as Prometheus writes it, `1m30s`, in seconds. Raises `ValueError` if it is none."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"{text!r} is no duration such as 30s or 1m")
    return sum(int(n) * size for n, size in zip(match.groups(), _SECONDS, strict=True) if n)


def _made(file: Path, rule: _Rule, group: _Group) -> Rule:
    import promql_parser

    name = rule.alert or rule.record
    if rule.alert is None:
        what = f"the rule {rule.record!r} records; only alerts are looked at" if name else "one has no alert:"
        raise _wrong(file, "rules that begin with alert:", what)
    expr = str(rule.expr)
    try:
        promql_parser.parse(expr)
    except ValueError as error:
        raise _wrong(file, f"{rule.alert}'s expr to be PromQL", f"{error} in {expr!r}") from None
    return Rule(
        rule.alert,
        expr,
        seconds(rule.for_),
        seconds(rule.keep_firing_for),
        {**group.labels, **rule.labels},
        rule.annotations,
    )


def _wrong(file: Path, expected: str, got: Any) -> Mistake:
    return Mistake(checked="", expected=expected, got=f"{file.name}: {got}")
