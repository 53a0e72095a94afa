"""
The services that there are: whoever adds one writes its file and names it here.

Fixtures, the attributes of `faults`, `labkit up`, `labkit doctor`, `compose.yaml` and the tables of the
reference are made from it.
"""

from __future__ import annotations

from pytest_labkit.services import dynamodb, kafka, redis, search
from pytest_labkit.services.service import Service

SERVICES: dict[str, Service] = {
    service.name: service for service in (kafka.SERVICE, dynamodb.SERVICE, redis.SERVICE, search.SERVICE)
}
"""By name, in the order in which they are shown."""

NAMES = tuple(SERVICES)
"""What a lab may ask for; for its tests there is a fixture of each name."""

BACKGROUND = tuple(name for name, service in SERVICES.items() if service.background)
"""Those that take long to start: in the background, and nothing else waits for them or fails with them."""

EAGER = tuple(name for name in NAMES if name not in BACKGROUND)
"""The others, which a run starts together before its first test."""
