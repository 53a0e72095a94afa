"""The programs of a lab, as processes with links between them: what a lab puts under faults."""

from pytest_labkit.system.keeping import down, status, up
from pytest_labkit.system.plan import Plan, Program, read
from pytest_labkit.system.running import Health, System, start

__all__ = ["Health", "Plan", "Program", "System", "down", "read", "start", "status", "up"]
