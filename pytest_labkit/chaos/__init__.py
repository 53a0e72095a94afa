"""
What Chaos Toolkit's experiments are made of: actions and probes on a lab's system, and the run of one.

An experiment names `pytest_labkit.chaos.actions` and `pytest_labkit.chaos.probes` as its modules.
"""

from pytest_labkit.chaos.experiment import Experiment, Journal, Running
from pytest_labkit.chaos.reading import read

__all__ = ["Experiment", "Journal", "Running", "read"]
