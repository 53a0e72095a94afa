"""
Where each infrastructure fault is injected: the names F01 to F21, and the tests that hold the kit to them.

| | fault | what must happen |
|---|---|---|
| F01 | Docker is absent or down at the start | exit code 20, one line with cause and remedy, no skip |
| F02 | the Docker daemon dies in a run | what needs it is unknown, finished verdicts stay, exit code 20 |
| F03 | a server breaks in a test, by itself | unknown, never the student's failure |
| F04 | a server is broken by the test | the student's code has to cope: its failure counts |
| F05 | the run is killed -9, its guard too | the next run leaves nothing of it and reports it, incomplete |
| F06 | Ryuk never answers | it is said, and the kit's own sweep does it |
| F07 | two Ryuks at once | no conflict of names |
| F08 | a port is taken between look and use | another one, five times at most |
| F09 | two runs on one machine | both are right, neither touches what is the other's |
| F10 | the lock of a killed process | it is free at once |
| F11 | the disk is full | the report before stays, verdicts on the terminal, exit code 20 |
| F12 | the power fails after a rename | the old report or the new one, never half |
| F13 | Ctrl-C, SIGTERM, SIGHUP | a valid report, incomplete, at once; nothing left; exit code 2 |
| F14 | a damaged download | never used |
| F15 | no network, or another page than asked for | one plain message |
| F15b | the kit's own tests are damaged or gone | nobody gets 0 points for it |
| F16 | a slow start | ready is a round trip, not an open port |
| F17 | the clock is set, the machine sleeps | the round is taken again, and the figure says so |
| F18 | an unsteady machine | no failure hangs on the moment of a round |
| F19 | flaky tests | things are waited for with a deadline; running a test again flips no verdict |
| F20 | data of an earlier run | it is not seen |
| F21 | workers of pytest-xdist | they share one server |
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

ELSEWHERE = {
    "F04": [
        "plugin/test_faults.py::test_a_service_killed_on_purpose_is_no_broken_service",
        "plugin/test_faults.py::test_what_a_test_leaves_broken_is_mended_before_it_is_judged",
    ],
    "F05": [
        "plugin/test_killed.py::test_a_killed_run_is_reported_by_the_next",
        "plugin/test_killed.py::test_no_process_outlives_a_killed_run",
        "contract/test_state.py::test_a_killed_run_leaves_nothing",
        "contract/test_docker.py::test_the_next_start_sweeps",
    ],
    "F09": [
        "plugin/test_killed.py::test_a_living_run_is_not_taken_for_a_killed_one",
        "contract/test_state.py::test_two_checkouts_do_not_share",
        "unit/test_report_files.py::test_two_runs_that_end_at_once_do_not_mix",
    ],
    "F10": ["unit/test_scratch.py::test_a_killed_holder_lets_go_at_once"],
    "F11": [
        "unit/test_report_files.py::test_full_disk_leaves_the_report_before",
        "unit/test_journal.py::test_a_disk_that_fills_up_is_said_once",
    ],
    "F12": [
        "unit/test_report_files.py::test_f12_a_name_leads_only_to_what_is_on_the_disk",
        "unit/test_report_files.py::test_killed_write_leaves_whole_files",
    ],
    "F13": [
        "plugin/test_killed.py::test_a_run_that_is_asked_to_end_reports_at_once",
        "plugin/test_killed.py::test_a_second_ctrl_c_does_not_stop_the_cleaning",
    ],
    "F14": [
        "unit/test_download.py::test_a_damaged_file_in_the_cache_is_fetched_again",
        "unit/test_download.py::test_a_file_with_another_sum_is_refused",
        "unit/test_download.py::test_a_wrong_rest_is_thrown_away",
    ],
    "F15": [
        "unit/test_download.py::test_a_server_error_is_tried_again",
        "unit/test_download.py::test_no_network_and_nothing_cached_is_one_plain_message",
        "unit/test_download.py::test_offline_and_not_cached_says_so",
    ],
    "F16": [
        "contract/test_external.py::test_one_that_does_not_answer_is_not_ready",
        "contract/test_state.py::test_a_kept_service_that_hangs_is_not_used",
        "unit/test_wait.py::test_the_seconds_until_the_first_probe_that_worked_are_returned",
    ],
    "F17": ["unit/test_measure.py::test_f17_a_round_in_which_the_clock_was_set_is_taken_again"],
    "F18": ["unit/test_measure.py::test_f18_a_machine_that_is_too_unsteady_judges_nobody"],
    "F19": [
        "unit/test_expectation.py::test_f19_what_takes_effect_later_is_waited_for",
        "unit/test_verdicts.py::test_f19_a_test_that_is_run_again_flips_no_verdict",
    ],
    "F21": ["contract/test_state.py::test_pytest_xdist_shares_one_set"],
}
"""The tests outside this folder; those in it bear the number in their names."""


def functions(file: Path) -> list[str]:
    """The tests in *file*."""
    tree = ast.parse(file.read_text("utf-8"))
    return [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]


def here() -> list[str]:
    """The tests in this folder."""
    return [name for file in Path(__file__).parent.glob("test_*.py") for name in functions(file)]


@pytest.mark.parametrize("fault", re.findall(r"^\| (F\w+) \|", __doc__, re.MULTILINE))
def test_every_fault_is_injected(fault: str) -> None:
    """Each line of the table has a test, here or elsewhere."""
    own = [name for name in here() if name.startswith(f"test_{fault.lower()}_")]
    assert [] != own + ELSEWHERE.get(fault, [])


@pytest.mark.parametrize("name", [name for names in ELSEWHERE.values() for name in names])
def test_what_the_table_names_is_there(name: str) -> None:
    """A test that is renamed is renamed here too."""
    file, _, function = name.partition("::")
    assert function in functions(TESTS / file)
