"""What else pytest is told, or has installed: a lab is judged all the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_labkit.session import foreign
from tests.plugin.conftest import RIGHT, TESTS, TinyLab

WRONG = RIGHT.replace("a + b", "a - b")

# Those that pytest lets one switch off; it needs the others itself.
BUILT_IN = (
    "assertion", "cacheprovider", "capture", "debugging", "doctest", "faulthandler", "junitxml", "logging",
    "monkeypatch", "pastebin", "recwarn", "setuponly", "setupplan", "skipping", "stepwise", "subtests",
    "terminal", "threadexception", "tmpdir", "unittest", "unraisableexception", "warnings", "benchmark",
)  # fmt: skip


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_plugin_of_pytests_own_may_be_off(name: str, lab: TinyLab) -> None:
    """One criterion passes and one fails, as with all of them."""
    lab.write("calc.py", RIGHT.replace("add(n, n)", "n"))
    result = lab.run("-p", f"no:{name}", "-m", "not timed")
    assert {"A1": "passed", "A2": "failed", "A3": "unknown"} == lab.verdicts
    assert 1 == result.ret
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_without_a_terminal_there_is_a_report(right: TinyLab) -> None:
    """And the exit code, also in a project without options of its own."""
    result = right.run_apart("-o", "addopts=", "-p", "no:terminal", "-m", "not timed")
    assert (22, "passed") == (result.ret, right.verdicts["A2"])


@pytest.fixture
def strict(right: TinyLab) -> TinyLab:
    """A lab that is done, in a project that makes errors of warnings."""
    right.pytester.makeini("[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n")
    return right


@pytest.mark.parametrize("hook", ["pytest_configure", "pytest_sessionstart", "pytest_sessionfinish"])
def test_a_plugins_warning_does_not_end_a_run_of_labs(hook: str, strict: TinyLab) -> None:
    """Where a project makes errors of warnings, as pytest-asyncio's at its start."""
    strict.pytester.makeconftest(f"import warnings\ndef {hook}(): warnings.warn('old', DeprecationWarning)\n")
    result = strict.run("-m", "not timed")
    assert (22, "passed") == (result.ret, strict.verdicts["A2"])


def test_a_warning_at_the_end_of_a_mixed_run_costs_no_report(strict: TinyLab) -> None:
    """It is an error by the project's own rule, told in a line."""
    strict.pytester.makepyfile(test_other="def test_other(): pass")
    strict.pytester.makeconftest(
        "import warnings\ndef pytest_sessionfinish(): warnings.warn('old settings', UserWarning)\n"
    )
    result = strict.pytester.runpytest_inprocess(".", "-m", "not timed")
    assert (22, "passed") == (result.ret, strict.verdicts["A2"])
    result.stdout.fnmatch_lines(["UserWarning: old settings"])


def test_w_error_holds(strict: TinyLab) -> None:
    """Whoever asks for it on the command line gets it."""
    strict.pytester.makeconftest(
        "import warnings\ndef pytest_configure(): warnings.warn('old', DeprecationWarning)\n"
    )
    assert strict.run("-W", "error").ret in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR)


@pytest.mark.skipif(os.name == "nt", reason="rights are Unix's here")
def test_a_folder_that_may_not_be_written_to(strict: TinyLab, tmp_path: Path) -> None:
    """With the report elsewhere, the run is as any other."""
    (strict.root / ".pytest_cache").write_text("in the way of the cache, for root too")
    result = strict.run("--lab-report", str(tmp_path / "out"), "-m", "not timed")
    assert 22 == result.ret
    assert (tmp_path / "out" / "tiny" / "report.json").is_file()


# Where one stands


def test_the_report_is_named_from_where_one_stands(right: TinyLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the lab's folder the path leads out of it."""
    monkeypatch.chdir(right.folder)
    result = right.run("-m", "not timed", path=".")
    result.stdout.fnmatch_lines(["report: ../../.labkit/reports/tiny/report.html"])
    assert 22 == result.ret


@pytest.mark.parametrize("named", ["link", "real"])
def test_the_root_may_be_a_symbolic_link(named: str, right: TinyLab, tmp_path: Path) -> None:
    """The lab may be named through it or past it."""
    link = tmp_path / "link"
    link.symlink_to(right.root)
    root, at = (link, right.root) if named == "real" else (right.root, link)
    result = right.run(f"--rootdir={root}", "-m", "not timed", path=str(at / "labs" / "tiny"))
    assert (22, "passed") == (result.ret, right.verdicts["A2"])


def test_a_test_that_is_no_labs_is_told(right: TinyLab) -> None:
    """It asks for the answers, but names no criterion."""
    right.write("test_calc.py", TESTS + "\n\ndef test_more(answers):\n    pass\n")
    result = right.run("-m", "not timed")
    result.stdout.fnmatch_lines(["*test_more asks for what only a test of a lab has."])


# pytest-timeout and pytest-rerunfailures, as far as they can be told without them: see the matrix


def test_a_rerun_is_known_by_its_outcome() -> None:
    """pytest-rerunfailures says rerun, pytest-retry retried."""
    report = pytest.TestReport("a", ("a", 1, "a"), {}, "passed", None, "call")
    assert not foreign.is_run_again(report)
    report.outcome = "rerun"  # type: ignore[assignment]
    assert foreign.is_run_again(report)


@pytest.mark.parametrize("door", ["direct", "process"])
def test_the_limit_of_pytest_timeout_is_kept(door: str, lab: TinyLab) -> None:
    """A hang at import ends after it, with a verdict."""
    lab.write("calc.py", "import time\nwhile True:\n    time.sleep(0.01)\n")
    lab.pytester.makeconftest(
        """
        import types, pytest
        class Specs:
            @pytest.hookspec(firstresult=True)
            def pytest_timeout_set_timer(item, settings): pass
            @pytest.hookspec(firstresult=True)
            def pytest_timeout_cancel_timer(item): pass
        def pytest_addhooks(pluginmanager): pluginmanager.add_hookspecs(Specs)
        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_protocol(item):
            assert item.ihook.pytest_timeout_set_timer(item=item, settings=types.SimpleNamespace(timeout=1))
            result = yield
            assert item.ihook.pytest_timeout_cancel_timer(item=item)
            return result
        """
    )
    result = lab.run("--lab-criterion", "A1", "--lab-door", door)
    assert (1, "error") == (result.ret, lab.verdicts["A1"])
    assert "an end within 1 s" == lab.message("A1")["expected"]
