"""Rules in Prometheus' own format: a file -> `Rule`s, or one plain message."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pytest_labkit.domain.errors import Mistake
from pytest_labkit.monitoring import promql, templates
from pytest_labkit.monitoring.durations import seconds

__all__ = ["Rule", "check", "read", "seconds"]

_TOOL_S = 30.0


@dataclass(frozen=True)
class Rule:
    """
    An alert and what it is raised by, or what *records* under a name.

    *for_s* is for how long the expression has to hold before it fires, *keep_firing_s* for how long it fires
    after that; both in seconds. More than *limit* series, if that is not 0, are an error.
    """

    name: str
    expr: str
    for_s: float
    keep_firing_s: float
    labels: dict[str, str]
    annotations: dict[str, str]
    records: bool = False
    limit: int = 0


def read(file: Path) -> list[Rule]:
    """
    The rules in *file*.

    Raises:
        Mistake: It cannot be read, is no YAML, no file of rules, or has what Prometheus cannot read.
    """
    import yaml

    from pytest_labkit.monitoring import rulefile

    try:
        told = rulefile.parsed(file.read_bytes())
    except OSError as error:
        raise _wrong(file, "a file of alert rules that can be read", str(error)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise _wrong(file, "YAML", f"{_reason(error)}{where}") from None
    except ValidationError as error:
        raise _wrong(file, "Prometheus' format of rules", _first(error)) from None
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


def _made(file: Path, rule: Any, group: Any) -> Rule:
    name = rule.alert or rule.record
    try:
        promql.parse(rule.expr)
    except ValueError as error:
        shown = rule.expr if len(rule.expr) <= 200 else f"{rule.expr[:200]}…"
        raise _wrong(file, f"{name}'s expr to be PromQL", f"{error} in {shown!r}") from None
    if rule.alert:
        for where, text in (*rule.labels.items(), *rule.annotations.items()):
            _check_template(file, f"{name}'s {where}", text)
    labels = {**group.labels, **rule.labels}
    times = rule.for_, rule.keep_firing_for
    return Rule(name, rule.expr, *times, labels, rule.annotations, bool(rule.record), group.limit)


def _check_template(file: Path, where: str, text: str) -> None:
    try:
        templates.parse(text)
    except ValueError as error:
        raise _wrong(file, f"{where} to be a template", f"{error} in {text[:200]!r}") from None


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"])) or "the file"
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"


def _reason(error: Exception) -> str:
    return " ".join(str(getattr(error, "problem", None) or error).split())


def _wrong(file: Path, expected: str, got: Any) -> Mistake:
    return Mistake(checked="", expected=expected, got=f"{file.name}: {got}")
