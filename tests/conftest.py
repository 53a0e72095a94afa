"""
What all tests of the kit share: none of them is part of a run of pytest-xdist, even if it is in one.

The kit shares services among the workers of a run. These tests start runs of their own, which must not
take themselves for workers of the run that they are tested in. Nor do they inherit that signals are
ignored, as a shell (SIGINT) and nohup (SIGHUP) have it for what they start: some of them are sent some.
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests import quarantine
from tests.shards import Shard

IN_A_WORKER = "PYTEST_XDIST_WORKER" in os.environ
"""Whether this process is a worker of pytest-xdist, with a share of the tests."""

for _name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
    os.environ.pop(_name, None)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def installed(*names: str) -> str:
    """
    The path of the first of the programs *names* that is here.

    Skips the test where there is none; fails it where it has to run (`LABKIT_TEST_TOOLS=require`, as in CI).
    """
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None and os.environ.get("LABKIT_TEST_TOOLS") == "require":
        pytest.fail(f"LABKIT_TEST_TOOLS=require, and there is no {names[0]}")
    if found is None:
        pytest.skip(f"there is no {names[0]}")
    return found


# Each of these takes minutes by itself. Together with all the others they run in CI: pytest -m exhaustive.
_EXHAUSTIVE = (
    "attacks",
    "contract/test_archives_of_servers.py",
    "contract/test_docker.py",
    "contract/test_faults_dynamodb.py",
    "contract/test_faults_kafka.py",
    "contract/test_faults_redis.py",
    "contract/test_faults_search.py",
    "golden",
    "infrastructure",
    "labs/test_lab3_kafka.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """In CI, take a shard of the exhaustive tests."""
    if (shard := Shard.of_environment()) is not None:
        config.pluginmanager.register(shard, "labkit-shard")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is exhaustive, and what is quarantined."""
    quarantine.mark(items, quarantine.read())
    places = [Path(__file__).parent / place for place in _EXHAUSTIVE]
    for item in items:
        if any(item.path.is_relative_to(place) for place in places):
            item.add_marker("exhaustive")
