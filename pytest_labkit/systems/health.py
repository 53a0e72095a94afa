"""Whether the programs of a system work, by what each says at `/health`."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pytest_labkit.host import concurrently, http
from pytest_labkit.services.base import Endpoint

TIMEOUT_S = 0.8  # a program looks at what it calls for half of that


def urls(endpoint: Endpoint) -> dict[str, str]:
    """Where each program of the system at *endpoint* serves."""
    return {name.removesuffix("_URL").lower(): url for name, url in endpoint.env.items()}


def ask(url: str, timeout_s: float = TIMEOUT_S) -> Mapping[str, bool]:
    """
    What the program at *url* can reach, by name.

    Raises:
        OSError, http.client.HTTPException, ValueError: It does not answer, or not as it should.
    """
    reached = json.loads(http.read(f"{url}/health", timeout_s))["dependencies"]
    return {name: found is True for name, found in reached.items()}


def probe(endpoint: Endpoint) -> None:
    """Raises unless every program answers and reaches all that it calls."""

    def look(name: str) -> None:
        missing = [other for other, reached in ask(places[name]).items() if not reached]
        if missing:
            raise ConnectionError(f"{name} cannot reach {missing[0]}")

    places = urls(endpoint)
    concurrently.each(look, places)
