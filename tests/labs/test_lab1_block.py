"""The block of code in lab 1's README runs as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_labkit.host import settings
from pytest_labkit.services import Services
from tests.labs.conftest import ROOT

BLOCK = re.search(r"```python\n(.*?)```", (ROOT / "labs/lab1/README.md").read_text("utf-8"), re.DOTALL)
PROGRAM = """
from pathlib import Path
from pytest_labkit.answers.child.loading import open_package
root = Path({root!r})
open_package("labs.lab1", root, [root / "solutions/lab1", root / "labs/lab1"])
{block}
print(analysis.model_dump_json())
"""


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment that leads to a Kafka."""
    with Services(settings.resolve(tmp_path_factory.mktemp("lab1"))) as services:
        yield services.endpoint("kafka").env


def said(strategy: str, kafka: dict[str, str], folder: Path) -> dict[str, Any]:
    """What the block's analysis says, with *strategy* in the place of the block's, on a topic of its own."""
    assert BLOCK is not None
    block = BLOCK[1]
    assert 1 == block.count('partition_strategy="round_robin"')
    file = folder / "block.py"
    file.write_text(PROGRAM.format(root=str(ROOT), block=block.replace("round_robin", strategy)), "utf-8")
    env = {**os.environ, **kafka, "KAFKA_TOPIC": f"block-{strategy}"}
    done = subprocess.run([sys.executable, file], env=env, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("strategy", "scattered"),
    [("round_robin", 20), ("key_hash", 0), ("sticky", 20)],
    ids=lambda value: str(value),
)
def test_the_block_runs_as_it_stands(
    strategy: str, scattered: int, kafka: dict[str, str], tmp_path: Path
) -> None:
    """Three producers send a thousand messages, all of which are analyzed; key_hash alone scatters no key."""
    got = said(strategy, kafka, tmp_path)
    assert (1000, [], []) == (got["messages"], got["gaps"], got["duplicates"])
    assert 20 == len(got["keys_in_order"])
    assert scattered == len(got["scattered"])
    assert {"0": True, "1": True, "2": True} == got["partitions_in_order"]
