"""
A verdict as soon as it is known: what is left of a criterion's tests when one has not passed is not run.

A plugin of its own. Each worker of pytest-xdist decides for itself: the first test that does not pass, in the
order of the files, is one that its worker runs.
"""

from __future__ import annotations

import pytest

from pytest_labkit.session.collection import Collection, criterion_of, place_of


class Decided:
    """
    Leaves out tests whose criterion is decided; the run keeps a record of them.

    With *every_test* (`--lab-all`) only a hang decides: the tests after it would wait as long, each of them.
    """

    def __init__(self, collection: Collection, *, every_test: bool) -> None:
        self._collection = collection
        self._every_test = every_test

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Do not run *item* if another test has decided its criterion."""
        criterion = criterion_of(item)
        if criterion is None:
            return None
        run = self._collection.run_of(item)
        if not (run.is_hung(criterion) if self._every_test else run.is_decided(criterion, place_of(item))):
            return None
        run.leave_out(criterion.id, item.nodeid)
        _tear_down(item, nextitem)
        item.session.testscollected -= 1  # what the progress is counted by
        return True


def _tear_down(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the fixtures that *nextitem* does not share: the test before kept for *item* what both share."""
    setups = item.session._setupstate
    ends_the_run = (pytest.exit.Exception, KeyboardInterrupt)
    call = pytest.CallInfo.from_call(
        lambda: setups.teardown_exact(nextitem), "teardown", reraise=ends_the_run
    )
    if call.excinfo is not None:
        report = item.ihook.pytest_runtest_makereport(item=item, call=call)
        item.ihook.pytest_runtest_logreport(report=report)
