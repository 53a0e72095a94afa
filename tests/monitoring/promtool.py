"""Prometheus' own `promtool`: what it makes of expressions over series."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from pytest_labkit.monitoring import History
from pytest_labkit.monitoring.series import Labels, labels
from tests.conftest import installed

EVERY_S = 15
_SERIES = re.compile(r"([\w:]*)(?:\{(.*)\})?")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_SAMPLE = re.compile(r'([\w:]*\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\}) ([^,\s]+)')
_NEVER = {"labels": 'never{seen="here"}', "value": 1}  # a wrong expectation: promtool shows what it got


def series(text: str) -> Labels:
    """The labels of a series that is written as Prometheus writes it."""
    name, inside = _SERIES.fullmatch(text).groups()  # type: ignore[union-attr]
    found = {key: json.loads(f'"{value}"') for key, value in _LABEL.findall(inside or "")}
    return labels(name or found.pop("__name__", ""), found) - {("__name__", "")}


def history(values: Mapping[str, Sequence[float | None]]) -> History:
    """Those series as the kit keeps them; where there is `None` there was no scrape of it."""
    made = History()
    for name, its in values.items():
        for number, value in enumerate(its):
            if value is not None:
                made.add(number * EVERY_S, name, {series(name): value})
    return made


def evaluated(
    folder: Path, values: Mapping[str, Sequence[float | None]], expressions: Sequence[str], at_s: int
) -> list[dict[Labels, float] | str]:
    """What promtool gives for each of *expressions*: series with values, or its error."""
    test = {
        "evaluation_interval": "1s",
        "tests": [
            {
                "interval": f"{EVERY_S}s",
                "input_series": [{"series": name, "values": _written(its)} for name, its in values.items()],
                "promql_expr_test": [
                    {"expr": expr, "eval_time": f"{at_s}s", "exp_samples": [_NEVER]} for expr in expressions
                ],
            }
        ],
    }
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump(test))
    done = subprocess.run(
        [installed("promtool"), "test", "rules", str(file)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = re.split(r"^    expr: ", done.stdout + done.stderr, flags=re.MULTILINE)[1:]
    assert len(expressions) == len(said), done.stdout + done.stderr
    return [_result(text) for text in said]


def _written(values: Sequence[float | None]) -> str:
    return " ".join(
        "_" if v is None else {"inf": "Inf", "-inf": "-Inf", "nan": "NaN"}.get(str(v), str(v)) for v in values
    )


def _result(text: str) -> dict[Labels, float] | str:
    _, found, got = text.partition("        got: ")
    if not found:
        return text.partition(", err: ")[2].strip()
    return {series(name): float(value) for name, value in _SAMPLE.findall(got)}
