"""
Chaos Toolkit's probes of a lab's system: what an experiment can look at.

They ask the services themselves, past the ways that are put under faults. A lab may have more of them
(`named`): they are here by the names that it gives them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from prometheus_client.parser import text_string_to_metric_families

from pytest_labkit.chaos import named
from pytest_labkit.host import http

__all__ = ["availability", "is_healthy", "processing_rate"]

_TIMEOUT_S = 1.0
_EVERY_S = 0.05

_T = TypeVar("_T")


def processing_rate(service: str, counter: str, seconds: float = 1.0) -> float:
    """By how much *counter* of *service* grows in a second, over *seconds*; 0 if it does not answer."""
    return rate_at(_url(service), counter, seconds)


def rate_at(url: str, counter: str, seconds: float) -> float:
    """As `processing_rate`, of whatever serves at *url*."""
    before, began = _counted(url, counter), time.monotonic()
    time.sleep(seconds)
    after, ended = _counted(url, counter), time.monotonic()
    if before is None or after is None:
        return 0.0
    return max(after - before, 0.0) / (ended - began)


def reading(name: str, key: str) -> Callable[..., str]:
    """
    The probe *name*: what a service says under *key* at `/health`; "unknown" if it does not say.

    With *wanted* it is looked at for up to *within* seconds, until it says that.
    """

    def probe(service: str, wanted: str | None = None, within: float = 0.0) -> str:
        url = _url(service)
        return _last(lambda: said_at(url, key), wanted, within)

    probe.__name__ = name
    return probe


def said_at(url: str, key: str) -> str:
    """What is said under *key* at `/health` of whatever serves at *url*; "unknown" if nothing is."""
    return str(_health(url).get(key, "unknown"))


def __getattr__(name: str) -> Callable[..., str]:
    """The lab's own probe *name*, for Chaos Toolkit, which looks for it in this module."""
    if not name.startswith("_") and (key := named.here().get(name)) is not None:
        return reading(name, key)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *named.here()]


def is_healthy(service: str, within: float = 0.0) -> bool:
    """Whether *service* answers and reaches all that it calls; looked at for up to *within* seconds."""
    url = _url(service)

    def look() -> bool:
        reached = _health(url).get("dependencies")
        return isinstance(reached, dict) and all(reached.values())

    return _last(look, True, within)


def availability(service: str, seconds: float = 1.0) -> float:
    """Which share of the next *seconds*' requests to *service* does not end in a 5xx; 0 if there are none."""
    url = _url(service)
    before = _answers(url)
    time.sleep(seconds)
    after = _answers(url)
    bad, total = after[0] - before[0], after[1] - before[1]
    return 1 - bad / total if total > 0 else 0.0


def _url(service: str) -> str:
    from pytest_labkit.chaos import subject  # needs Chaos Toolkit, which a check that only looks does not

    return subject.url(service)


def _last(look: Callable[[], _T], wanted: _T | None, within: float) -> _T:
    deadline = time.monotonic() + within
    while (found := look()) != wanted and wanted is not None and time.monotonic() < deadline:
        time.sleep(_EVERY_S)
    return found


def _answers(url: str) -> tuple[float, float]:
    """How many requests have ended in a 5xx, and how many at all; the kit's own questions left out."""
    samples = [
        (sample.labels.get("status", ""), sample.value)
        for family in text_string_to_metric_families(_get(url, "/metrics"))
        for sample in family.samples
        if sample.name.endswith("_requests_total")
        and sample.labels.get("route") not in ("/health", "/metrics", "/ping")
    ]
    return sum(n for status, n in samples if status.startswith("5")), sum(n for _, n in samples)


def _counted(url: str, counter: str) -> float | None:
    """What *counter* stands at, all its series together; `None` if the service does not answer."""
    text = _get(url, "/metrics")
    if not text:
        return None
    families = text_string_to_metric_families(text)
    return sum(sample.value for family in families for sample in family.samples if sample.name == counter)


def _health(url: str) -> Mapping[str, object]:
    try:
        said = json.loads(_get(url, "/health") or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _get(url: str, path: str) -> str:
    """What *url* answers at *path*; nothing if it does not, or not with 200."""
    return http.get(f"{url}{path}", _TIMEOUT_S) or ""
