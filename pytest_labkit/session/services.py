"""The fixtures that are made from the catalogue of services: one of each name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager
from types import ModuleType

import pytest

from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.catalogue import SERVICES
from pytest_labkit.session.lab_session import LabSession


def plugin() -> ModuleType:
    """A plugin with the fixture of every service but those that have one of their own in `fixtures`."""
    made = ModuleType("labkit-services")
    for service in SERVICES.values():
        if service.own is not None:
            setattr(made, service.name, _fixture(service.name, service.own))
    return made


def _fixture(name: str, own: Callable[[Endpoint], AbstractContextManager[Endpoint]]) -> object:
    @pytest.fixture(name=name)
    def endpoint(
        labkit_session: LabSession,
        labkit_turn: None,  # noqa: ARG001 - it is had while this is
        labkit_environ: MutableMapping[str, str],
    ) -> Iterator[Endpoint]:
        with own(labkit_session.plan.endpoint(name)) as endpoint:
            labkit_environ.update(endpoint.env)
            yield endpoint

    endpoint.__doc__ = SERVICES[name].gives
    return endpoint
