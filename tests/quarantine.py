"""Flaky tests, each by its name, with a reason and a date: `quarantine.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

FILE = Path(__file__).with_suffix(".toml")
AT_MOST = timedelta(days=30)


class Quarantined(BaseModel):
    """One flaky test."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^tests/.+\.py::\w+")
    since: date
    owner: str = Field(min_length=1)
    reason: str = Field(min_length=20)

    def is_about(self, id_: str) -> bool:
        """Whether the test *id_* is it, or one of its parameters."""
        return id_ == self.id or id_.startswith(f"{self.id}[")

    @property
    def is_expired(self) -> bool:
        """Whether it should have been mended by now."""
        return datetime.now(UTC).date() - self.since > AT_MOST


def read(file: Path = FILE) -> list[Quarantined]:
    """The tests that *file* names; raises pydantic's `ValidationError` where an entry lacks something."""
    return TypeAdapter(list[Quarantined]).validate_python(
        tomllib.loads(file.read_text("utf-8")).get("test", [])
    )


def mark(items: Iterable[pytest.Item], entries: Iterable[Quarantined]) -> None:
    """Let those of *items* that are quarantined fail without failing the run, as long as they may."""
    for entry in entries:
        for item in items:
            if entry.is_about(item.nodeid) and not entry.is_expired:
                reason = f"quarantined since {entry.since}, {entry.owner}: {entry.reason}"
                item.add_marker(pytest.mark.xfail(reason=reason, strict=False))
