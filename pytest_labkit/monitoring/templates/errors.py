"""Why a template gives no text."""

from __future__ import annotations

from pytest_labkit.domain.errors import KitError


class UnsupportedTemplate(KitError):
    """A template that Prometheus can expand and the kit cannot."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The kit cannot expand a template with {what}.", "Write the annotation without it.")


class ExpansionFailed(Exception):
    """What Prometheus shows in place of a template that it cannot expand."""
