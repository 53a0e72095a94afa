"""The shop, as tests/chaos have it."""

from tests.chaos.conftest import _settings, endpoints, lab, shop

__all__ = ["_settings", "endpoints", "lab", "shop"]
