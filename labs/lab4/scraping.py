"""Don't change this file: the metrics of your breakers, as Prometheus reads them."""

from __future__ import annotations

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

BEGINNING = "circuit_breaker_"


def exposition() -> str:
    """All that is told, as text."""
    return generate_latest(REGISTRY).decode()


def told() -> list[list[object]]:
    """Each of the breakers' samples: its name, its labels, its value."""
    return [
        [sample.name, dict(sample.labels), float(sample.value)]
        for family in text_string_to_metric_families(exposition())
        for sample in family.samples
        if sample.name.startswith(BEGINNING)
    ]


def forget() -> None:
    """Take the breakers' metrics out of the registry, for a file that is loaded again in the same process."""
    names = REGISTRY._names_to_collectors
    for collector in {id(c): c for name, c in list(names.items()) if name.startswith(BEGINNING)}.values():
        REGISTRY.unregister(collector)
