"""The command `labkit`: services that outlive a run, hints, reports, and the linter for labs."""

from pytest_labkit.cli.labkit import main

__all__ = ["main"]
