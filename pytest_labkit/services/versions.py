"""
The versions of the servers, pinned in one place: for the images, and for the processes on this machine.

`compose.yaml` names the same images; `tests/unit/test_docker_compose.py` holds it to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

KAFKA = "4.1.1"
DYNAMODB = "3.1.0"
REDIS = "7.4"
OPENSEARCH = "3.8.0"
ELASTICSEARCH = "7.17.29"

IMAGES: Mapping[str, str] = MappingProxyType(
    {
        "kafka": f"apache/kafka:{KAFKA}",
        "dynamodb": f"amazon/dynamodb-local:{DYNAMODB}",
        "redis": f"redis:{REDIS}",
        "search": f"opensearchproject/opensearch:{OPENSEARCH}",
    }
)
"""The official image of each service that the docker backend starts."""

ELASTICSEARCH_IMAGE = f"elasticsearch:{ELASTICSEARCH}"
"""What it starts as the service `search` where `LABKIT_SEARCH` asks for Elasticsearch."""
