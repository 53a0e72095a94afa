"""Prometheus' own `promtool`: what it makes of rule files, and of expressions over series."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pytest_labkit.monitoring import History
from pytest_labkit.monitoring.promql.literals import unquoted
from pytest_labkit.monitoring.series import Labels, labels
from tests.conftest import installed

EVERY_S = 15
Values = Mapping[str, Sequence[float | None]]
_SERIES = re.compile(r"([\w:]*)(?:\{(.*)\})?")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_SAMPLE = re.compile(r'([\w:]*\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\}) ([^,\s]+)')
_FIRES = re.compile(r'alertname: (\w+), time: 0s,.*?Annotations:\{text=("(?:[^"\\]|\\.)*")\}', re.DOTALL)
_NEVER = {"labels": 'never{seen="here"}', "value": 1}  # a wrong expectation: promtool shows what it got


class Case(NamedTuple):
    """Series, scraped every 15 seconds, and the expressions that are asked of them, each at a time."""

    values: Values
    asked: Sequence[tuple[str, float]]


def series(text: str) -> Labels:
    """The labels of a series that is written as Prometheus writes it."""
    name, inside = _SERIES.fullmatch(text).groups()  # type: ignore[union-attr]
    found = {key: json.loads(f'"{value}"') for key, value in _LABEL.findall(inside or "")}
    return labels(name or found.pop("__name__", ""), found) - {("__name__", "")}


def history(values: Values) -> History:
    """Those series as the kit keeps them; where there is `None` there was no scrape of it."""
    made = History()
    for name, its in values.items():
        for number, value in enumerate(its):
            if value is not None:
                made.add(number * EVERY_S, name, {series(name): value})
    return made


def complaint(folder: Path, text: str) -> str:
    """What `promtool check rules` says against the rule file *text*; nothing if that is right."""
    (folder / "rules.yaml").write_text(text, "utf-8")
    done = _run("check", "rules", folder / "rules.yaml")
    return "" if done.returncode == 0 else done.stderr


def evaluated(folder: Path, cases: Sequence[Case], rules: str = "") -> list[dict[Labels, float] | str]:
    """What promtool gives for each expression of each case, beside *rules*: series, or its error."""
    said = _tested(folder, [(case.values, {"promql_expr_test": _asked(case)}) for case in cases], rules)
    parts = re.split(r"^    expr: ", said, flags=re.MULTILINE)[1:]
    assert sum(len(case.asked) for case in cases) == len(parts), said
    return [_result(text) for text in parts]


def expanded(folder: Path, templates: Sequence[str], values: Values) -> list[str]:
    """What promtool makes of *templates* of annotations, for alerts of the series `x`, at 0 seconds."""
    rules = [
        {"alert": f"A{number}", "expr": "x", "annotations": {"text": text}}
        for number, text in enumerate(templates)
    ]
    asked = [{"eval_time": "0s", "alertname": rule["alert"]} for rule in rules]
    said = _tested(folder, [(values, {"alert_rule_test": asked})], rule_file(rules))
    found = dict(_FIRES.findall(said))
    assert {rule["alert"] for rule in rules} == found.keys(), said
    return [unquoted(found[str(rule["alert"])]) for rule in rules]


def rule_file(rules: Sequence[Mapping[str, Any]]) -> str:
    """A file of one group of *rules*."""
    return yaml.safe_dump({"groups": [{"name": "g", "rules": list(rules)}]}, sort_keys=False)


def _tested(folder: Path, tests: Sequence[tuple[Values, dict[str, Any]]], rules: str) -> str:
    (folder / "rules.yaml").write_text(rules, "utf-8")
    given = [[{"series": name, "values": _written(its)} for name, its in v.items()] for v, _ in tests]
    test = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": f"{EVERY_S}s",
        "tests": [
            {"interval": f"{EVERY_S}s", "input_series": input_series, **asked}
            for input_series, (_, asked) in zip(given, tests, strict=True)
        ],
    }
    (folder / "test.yaml").write_text(yaml.safe_dump(test, sort_keys=False), "utf-8")
    done = _run("test", "rules", folder / "test.yaml")
    return done.stdout + done.stderr


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [installed("promtool"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def _asked(case: Case) -> list[dict[str, Any]]:
    return [{"expr": expr, "eval_time": f"{at:g}s", "exp_samples": [_NEVER]} for expr, at in case.asked]


def _written(values: Sequence[float | None]) -> str:
    return " ".join(
        "_" if v is None else {"inf": "Inf", "-inf": "-Inf", "nan": "NaN"}.get(str(v), str(v)) for v in values
    )


def _result(text: str) -> dict[Labels, float] | str:
    _, found, got = text.partition("        got: ")
    if not found:
        return text.partition(", err: ")[2].strip()
    return {series(name): float(value) for name, value in _SAMPLE.findall(got)}
