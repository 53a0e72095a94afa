"""
Templates of labels and annotations: Go's text/template with Prometheus' functions.

`parse` raises `ValueError` for what Prometheus refuses to load. What it fails to expand shows as Prometheus
shows it, and what it can do and the kit cannot raises `UnsupportedTemplate`: no verdict may follow from it.
"""

from pytest_labkit.monitoring.templates.errors import UnsupportedTemplate
from pytest_labkit.monitoring.templates.expansion import expand
from pytest_labkit.monitoring.templates.parsing import parse

__all__ = ["UnsupportedTemplate", "expand", "parse"]
