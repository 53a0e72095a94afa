"""A flaky test is forgiven by its name, with a reason, for a month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests import quarantine

ROOT = Path(__file__).parents[2]
TODAY = datetime.now(UTC).date()


def entry(**changed: object) -> quarantine.Quarantined:
    """An entry that is right but for what is *changed*."""
    told = {"id": "tests/a.py::test_x", "since": TODAY, "owner": "us", "reason": "the disk is slow at night"}
    return quarantine.Quarantined.model_validate(told | changed)


def test_the_file_can_be_read() -> None:
    """Each entry of quarantine.toml is whole, in time, and names a test that there is."""
    for quarantined in quarantine.read():
        assert not quarantined.is_expired
        file, _, function = quarantined.id.partition("::")
        assert f"def {function.rpartition('::')[2].partition('[')[0]}(" in (ROOT / file).read_text("utf-8")


def test_it_is_about_a_test_and_all_its_parameters() -> None:
    """An entry without parameters is about all of them, and about no test whose name only begins alike."""
    assert entry().is_about("tests/a.py::test_x")
    assert entry().is_about("tests/a.py::test_x[1]")
    assert not entry().is_about("tests/a.py::test_xy")


def test_it_ends_after_a_month() -> None:
    """An entry of 31 days forgives nothing any more."""
    assert not entry(since=TODAY - timedelta(days=30)).is_expired
    assert entry(since=TODAY - timedelta(days=31)).is_expired


@pytest.mark.parametrize("changed", [{"reason": "flaky"}, {"owner": ""}, {"id": "test_x"}, {"until": "ever"}])
def test_an_entry_lacks_nothing(changed: dict[str, str]) -> None:
    """An entry without a reason, an owner or a whole id is refused, and so is one that says more."""
    with pytest.raises(ValidationError, match=next(iter(changed))):
        entry(**changed)


def test_a_quarantined_failure_does_not_fail_the_run(pytester: pytest.Pytester) -> None:
    """It runs, its failure is shown with the reason, and any other failure fails the run as ever."""
    pytester.makeconftest(
        f"""
        import sys; sys.path.insert(0, {str(ROOT)!r})
        from tests import quarantine
        def pytest_collection_modifyitems(items):
            quarantine.mark(items, [quarantine.Quarantined(
                id="tests/test_some.py::test_flaky", since={TODAY.isoformat()!r}, owner="us",
                reason="the disk is slow at night")])
        """
    )
    (pytester.mkdir("tests") / "test_some.py").write_text(
        "def test_flaky(): assert False\ndef test_other(): assert False\n", "utf-8"
    )
    result = pytester.runpytest_subprocess("-rx", "-p", "no:labkit")
    result.assert_outcomes(xfailed=1, failed=1)
    result.stdout.fnmatch_lines(["XFAIL *test_flaky - quarantined since *, us: the disk is slow at night"])
