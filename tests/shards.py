"""
Which exhaustive tests a run takes: a share of them, chosen by hash, and all that a change touches.

CI sets `LABKIT_TEST_SHARD=3/8` (the fourth of eight shares), `LABKIT_TEST_CHANGED` (a file with the changed
paths, one a line) and `LABKIT_TEST_BUDGET_S` (seconds after which no further exhaustive test is begun).
Without them every test that `-m` selects is run.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

# A changed path -> the ids of the tests that it touches; \1 and \2 are the groups of the path's pattern.
_TOUCHES = {
    r"solutions/(lab\d+)/mutants/(\w+)\.toml": r"^tests/labs/test_labs\.py::.*\[\1-\2_",
    r"solutions/(lab\d+)/designs/(\w+)/": r"^tests/labs/.*\[\1-\2\b",
    r"solutions/(lab\d+)/": r"^tests/labs/.*\[\1-",  # mutants are made of the model answers
    r"labs/(lab\d+)/checks/test_([a-z]\d+)_": r"(?i:^tests/labs/test_labs\.py::.*\[\1-\2_)",
    r"labs/(lab\d+)/": r"^tests/labs/.*(?<![a-z0-9])\1(?!\d)",
    r"pytest_labkit/(answers|course)/": r"^tests/attacks/",
    r"pytest_labkit/(host|domain)/": r"^tests/(infrastructure|golden)/",
    r"(pytest_labkit/cli/check_labs|tests/labs)/": r"^tests/labs/",
    r"pytest_labkit/(chaos|load|systems)/": r"^tests/(chaos|system)/",
    r"pytest_labkit/(dashboard|monitoring)/": r"^tests/\1/",
    r"pytest_labkit/faults/": r"^tests/(contract/test_faults|infrastructure/)",
    r"pytest_labkit/services/": r"^tests/(contract|infrastructure)/",
    r"pytest_labkit/(report|runs|session)/": r"^tests/golden/",
    r"(tests/(?!conftest|shards|quarantine).+)": r"^\1",
}


def touched_by(paths: Iterable[str]) -> re.Pattern[str]:
    """A pattern of the ids of the tests that a change of *paths* touches: by the first rule for each path."""
    rules = dict.fromkeys(rule for path in paths if (rule := _rule(path)))
    return re.compile("|".join(rules) or r"(?!)")


def _rule(path: str) -> str | None:
    for pattern, ids in _TOUCHES.items():
        if match := re.match(pattern, path):
            return re.sub(r"\\(\d)", lambda group: re.escape(match[int(group[1])]), ids)
    return None


def is_in(id_: str, shard: str) -> bool:
    """Whether the test *id_* is in *shard*, such as `3/8`; every test is in exactly one of the eight."""
    number, of = map(int, shard.split("/"))
    return _number(id_) % of == number


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


@dataclass
class Shard:
    """A plugin: leaves out the exhaustive tests of other shards, and begins none once its time is over."""

    shard: str
    touched: re.Pattern[str]
    budget_s: float
    began: float = field(default_factory=time.monotonic)
    chosen: dict[str, int] = field(default_factory=dict)
    not_begun: list[str] = field(default_factory=list)

    @classmethod
    def of_environment(cls) -> Shard | None:
        """What CI asks for, `None` if it asks for none."""
        shard = os.environ.get("LABKIT_TEST_SHARD")
        changed = os.environ.get("LABKIT_TEST_CHANGED")
        paths = Path(changed).read_text("utf-8").splitlines() if changed else []
        budget_s = float(os.environ.get("LABKIT_TEST_BUDGET_S", "inf"))
        return cls(shard, touched_by(paths), budget_s) if shard else None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep what is not exhaustive, what the change touches, and this shard's: in this order."""
        free = [item for item in items if item.get_closest_marker("exhaustive") is None]
        rest = [item for item in items if item.get_closest_marker("exhaustive") is not None]
        ours = sorted((item for item in rest if self.touched.search(item.nodeid)), key=self._turn)
        share = [item for item in rest if item not in ours and is_in(item.nodeid, self.shard)]
        config.hook.pytest_deselected(items=[item for item in rest if item not in ours and item not in share])
        items[:] = [*free, *ours, *share]
        self.chosen = {
            "touched by the change": len(ours),
            f"of shard {self.shard}": len(share),
            "in all": len(rest),
        }

    def _turn(self, item: pytest.Item) -> int:
        """When it is the turn of the file of *item*: where time is short, each shard begins with another."""
        return _number(f"{self.shard} {item.path.name}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Begin no exhaustive test when the time is over."""
        if time.monotonic() - self.began < self.budget_s or item.get_closest_marker("exhaustive") is None:
            return None
        self.not_begun.append(item.nodeid)
        return True

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell the controller of pytest-xdist, in a worker."""
        output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["labkit_shard"] = (self.chosen, self.not_begun)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take up what a worker tells."""
        self.chosen, not_begun = getattr(node, "workeroutput", {}).get("labkit_shard", (self.chosen, []))
        self.not_begun.extend(not_begun)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was chosen, and name what was not begun."""
        counts = ", ".join(f"{count} {what}" for what, count in self.chosen.items())
        terminalreporter.write_line(
            f"exhaustive tests: {counts}; {len(self.not_begun)} not begun in {self.budget_s:g} s"
        )
        for id_ in sorted(self.not_begun):
            terminalreporter.write_line(f"  not begun: {id_}")
