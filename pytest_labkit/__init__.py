"""
Labs in distributed systems, checked by pytest on real services.

What a lab's tests import; everything else they get as fixtures. Light on purpose: this is also
loaded in the process that runs a student's code.
"""

from pytest_labkit.domain.difference import differing
from pytest_labkit.domain.errors import KitError, Mistake
from pytest_labkit.domain.expectation import expect

__version__ = "0.1.0"

__all__ = ["KitError", "Mistake", "__version__", "differing", "expect"]
