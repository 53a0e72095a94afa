"""Renovate finds the pins that it is to keep watch over."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_labkit.services import kafka, search

ROOT = Path(__file__).parents[2]
RULES = json.loads((ROOT / "renovate.json").read_text("utf-8"))
MANAGERS = {manager["depNameTemplate"]: manager for manager in RULES["customManagers"]}


@pytest.mark.parametrize(
    ("pin", "version"),
    [("org.apache.kafka:kafka_2.13", kafka.VERSION), ("org.opensearch:opensearch", search.OPENSEARCH)],
)
def test_a_server_has_one_version_and_it_is_found(pin: str, version: str) -> None:
    """The expression matches once in the one file that it names, and what it finds is what is started."""
    (pattern,) = MANAGERS[pin]["managerFilePatterns"]
    (expression,) = MANAGERS[pin]["matchStrings"]
    file = ROOT / pattern.strip("/^$").replace("\\", "")
    assert re.search(pattern.strip("/"), file.relative_to(ROOT).as_posix())
    assert [version] == re.findall(expression.replace("(?<", "(?P<"), file.read_text("utf-8"))


def test_pip_and_actions_are_watched_too() -> None:
    """What pyproject.toml, the workflows and compose.yaml name."""
    assert {"pep621", "github-actions", "docker-compose"} < set(RULES["enabledManagers"])
