"""The programs of a lab, as processes with links between them: what a lab puts under faults."""

from pytest_labkit.systems.kept import down, status, up
from pytest_labkit.systems.plan import Plan, Program, read
from pytest_labkit.systems.running import Health, System, start

__all__ = ["Health", "Plan", "Program", "System", "down", "read", "start", "status", "up"]
