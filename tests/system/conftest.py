"""A course whose one lab is lab 4's system, its real services, and a client that calls nothing twice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_labkit import services, systems
from pytest_labkit.course import manifest
from pytest_labkit.domain.model import Lab
from pytest_labkit.host import settings
from pytest_labkit.host.settings import Settings
from pytest_labkit.services.base import Endpoint
from pytest_labkit.systems import System

ROOT = Path(__file__).parents[2]
ANSWERS = Path(__file__).parent / "answers"
LAB = """
id = "lab4"
title = "Circuit breaker"
services = []
answers = ["payment_client.py", "monitoring.py"]
[[parts]]
id = "B"
title = "Chaos"
minutes = 15
[[criteria]]
id = "B1"
part = "B"
title = "A service fails"
points = 1
look_at = "payment_client.py:PaymentClient.charge"
"""


def make_course(root: Path) -> Lab:
    """Lab 4's programs below *root*, with a `lab.toml` that says little, and the client as its answer."""
    folder = root / "labs" / "lab4"
    shutil.copytree(
        ROOT / "labs" / "lab4" / "shop", folder / "shop", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "labs" / "lab4" / "system.toml", folder)
    for answer in ANSWERS.glob("*.py"):
        shutil.copy(answer, folder)
    (folder / "lab.toml").write_text(LAB)
    return manifest.read(folder, root)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The lab, in a checkout of its own."""
    return make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module", name="settings")
def _settings(lab: Lab) -> Settings:
    """Of that checkout; everything as processes."""
    return replace(settings.resolve(lab.folder.parents[1]), backend="local")


@pytest.fixture(scope="module")
def endpoints(settings: Settings) -> Iterator[dict[str, Endpoint]]:
    """A real Kafka and a real Redis."""
    with services.Services(settings) as running:
        yield running.start(["kafka", "redis"])


@pytest.fixture
def shop(lab: Lab, settings: Settings, endpoints: dict[str, Endpoint]) -> Iterator[System]:
    """The four services and their links."""
    made = systems.start(lab, systems.read(lab), endpoints.values(), settings)
    yield made
    made.release()
    made.stop()
