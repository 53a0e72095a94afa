"""Rule files of all kinds: the kit takes those that Prometheus' own `promtool` takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.monitoring import promtool
from tests.monitoring.rulefiles import ACCEPTED, REFUSED, rule_file
from tests.monitoring.templates import REFUSED as TEMPLATES

NEWER = ("query_offset",)  # than the promtool of some systems


@pytest.mark.parametrize("text", [text for text, _ in ACCEPTED if not any(name in text for name in NEWER)])
def test_promtool_accepts_what_the_kit_accepts(text: str, tmp_path: Path) -> None:
    """Each file of those that tests/unit has the kit read."""
    assert "" == promtool.complaint(tmp_path, text)


@pytest.mark.parametrize("text", [text for text, _ in REFUSED])
def test_promtool_refuses_what_the_kit_refuses(text: str, tmp_path: Path) -> None:
    """Each file of those that tests/unit has the kit refuse."""
    assert promtool.complaint(tmp_path, text)


@pytest.mark.parametrize("template", TEMPLATES)
def test_promtool_refuses_the_templates_that_the_kit_refuses(template: str, tmp_path: Path) -> None:
    """In an annotation."""
    quoted = "'" + template.replace("'", "''") + "'"
    assert promtool.complaint(tmp_path, rule_file(annotations=f"{{summary: {quoted}}}"))
