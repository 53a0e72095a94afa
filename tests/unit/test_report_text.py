"""What the terminal shows after a run."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from report_samples import SAMPLES, STALE_WRITER, all_passed, half_done, lab, report, slow_machine, stubs

from pytest_labkit.domain.model import CriterionResult, Message, Report, Verdict
from pytest_labkit.report import published, text
from pytest_labkit.report.document import project, within

GOLDEN = Path(__file__).with_name("golden")
PAGE = Path("/home/ann/course/.labkit/reports/lab3/report.html")


WHERE = within(project(half_done().lab), PAGE)


def shown(of: Report, width: int = 96) -> list[str]:
    """The lines of the summary, without colour."""
    return text.render(published(of), width=width, colour=False, where=WHERE).split("\n")


@pytest.mark.parametrize("name", SAMPLES)
def test_summary_is_as_recorded(name: str) -> None:
    """The whole text is as in `golden/`; LABKIT_RECORD=1 writes it anew, for the diff to be read."""
    golden = GOLDEN / f"{name}.txt"
    summary = "\n".join(shown(SAMPLES[name]())) + "\n"
    if os.environ.get("LABKIT_RECORD") == "1":
        golden.write_text(summary, encoding="utf-8")

    assert golden.read_text(encoding="utf-8") == summary


def test_first_line_tells_the_result() -> None:
    """Lab, title, how many criteria ended how, and the points."""
    assert "Lab 3  Event sourcing   3 passed · 1 failed · 3 todo   15 of 40 points" == shown(half_done())[0]


def test_result_that_needs_two_lines_gets_them() -> None:
    """Where lab, title, verdicts and points do not fit beside each other, none of them is lost."""
    verdicts = ["passed", "failed", "error", "todo", "blocked", "unknown"] * 3
    lines = shown(many(verdicts, STALE_WRITER), width=80)

    assert "Lab 3  Event sourcing   6 of 36 points" == lines[0]
    assert "3 passed · 3 failed · 3 error · 3 todo · 3 blocked · 3 unknown" == lines[1]


def test_last_lines_tell_what_to_do_and_where_to_read() -> None:
    """The next step and the report, whose path is relative to the project."""
    assert ["next: labkit hint lab3 A2", "report: .labkit/reports/lab3/report.html"] == shown(half_done())[
        -2:
    ]


def test_measurement_is_on_one_line() -> None:
    """The figure as people write it, and the target as `lab.toml` states it."""
    assert "      throughput 18,412 events/s (target >= 10000)" in shown(all_passed())


def test_judging_by_ratio_is_said() -> None:
    """A figure below its target that was good enough explains itself."""
    assert any("Judged by ratio" in line for line in shown(slow_machine()))


def many(verdicts: list[str], message: Message | None) -> Report:
    """A report of as many criteria as there are *verdicts*; those not passed have *message*."""
    ids = [f"{'ABCD'[n // 10 % 4]}{n % 10 + 1}" for n in range(len(verdicts))]
    of = lab(dict.fromkeys(ids, 2), {id_: f"What {id_} is about" for id_ in ids})
    results = tuple(
        CriterionResult(criterion, Verdict(verdict), message=None if verdict == "passed" else message)
        for criterion, verdict in zip(of.criteria, verdicts, strict=True)
    )
    return replace(half_done(), lab=of, results=results)


def test_twenty_criteria_share_lines_and_the_failure_is_told_whole() -> None:
    """With 20 criteria those that need no work share lines; the first failure keeps every field."""
    verdicts = [*["passed"] * 11, "failed", "error", *["todo"] * 7]
    lines = shown(many(verdicts, STALE_WRITER))

    assert len(lines) <= text.MOST_LINES
    assert " ✓ passed   A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 B1" == lines[1]
    assert [" ✗ failed   B2  What B2 is about", " ✗ error    B3  What B3 is about"] == [
        line[:-3].rstrip() for line in lines if "✗" in line
    ]
    assert " ○ todo     B4 B5 B6 B7 B8 B9 B10" in lines
    # The second failure says the same, and that is not said twice.
    assert ["checked", "expected", "got", "perhaps", "look at"] == labels(lines)


def labels(lines: list[str]) -> list[str]:
    """The fields of messages that *lines* show."""
    found = [re.match(r" {6}(checked|expected|got|perhaps|look at) ", line) for line in lines]
    return [match[1] for match in found if match]


def test_twenty_failures_share_lines() -> None:
    """When all fail, one is told and the others are named."""
    lines = shown(many(["failed"] * 20, STALE_WRITER))

    assert len(lines) <= text.MOST_LINES
    assert ["checked", "expected", "got", "perhaps", "look at"] == labels(lines)
    assert " ✗ failed   A2 A3 A4 A5 A6 A7 A8 A9 A10 B1 B2 B3 B4 B5 B6 B7 B8 B9 B10" in lines


def test_huge_text_is_cut_and_says_so() -> None:
    """Of a text of many pages as much as fits is shown, and the cut is marked."""
    flood = replace(STALE_WRITER, got="\n".join(f"event {n} is missing" for n in range(5_000)))
    lines = shown(report("passed failed todo todo todo todo todo", messages={"A2": flood}))
    told = [line for line in lines if "is missing" in line]

    assert text.MOST_LINES == len(lines)
    assert "      got       event 0 is missing" == told[0]
    assert told[-1].endswith(" …")
    assert not any(line.endswith("…") for line in told[:-1])


def test_timeline_keeps_its_shape() -> None:
    """Line breaks and columns in what was got stay: it may be a drawing."""
    timeline = "writer 2  |--append 41--| ok\nwriter 5     |--append 41--| ok"
    drawn = replace(STALE_WRITER, got=timeline)
    lines = shown(report("failed todo todo todo todo todo todo", messages={"A1": drawn}))

    assert "      got       writer 2  |--append 41--| ok" in lines
    assert "                writer 5     |--append 41--| ok" in lines


def test_terminal_commands_of_a_student_do_nothing() -> None:
    """Colours of theirs are taken out, other control characters are spelt out."""
    loud = replace(STALE_WRITER, got="\x1b[2J\x1b[32m✓ passed\x1b[0m\x07 \u202eoops")
    lines = shown(report("failed todo todo todo todo todo todo", messages={"A1": loud}))

    assert r"      got       ✓ passed\x07 \u202eoops" in lines


def test_colour_only_paints() -> None:
    """With colour the text is the same, and the verdicts are painted."""
    painted = text.render(published(half_done()), width=96, colour=True, where=WHERE)

    assert shown(half_done()) == re.sub(r"\x1b\[[0-9]+m", "", painted).split("\n")
    assert "\x1b[31m ✗ failed  \x1b[0m" in painted


def test_narrow_terminal_keeps_points_and_cuts_titles() -> None:
    """At 60 columns a long title ends in an ellipsis and the points still stand at the edge."""
    row = next(line for line in shown(stubs(), width=60) if " A6 " in line)

    assert 60 == len(row)
    assert row.endswith("  0/4")
    assert "…" in row


def test_a_note_does_not_say_again_what_was_got() -> None:
    """Of a note that begins with what was got, what follows is shown: what to do about it."""
    message = replace(STALE_WRITER, got="Redis is away.", perhaps=None)
    broken = report("passed unknown passed passed passed passed passed", messages={"A2": message})
    lines = shown(replace(broken, notes=("Redis is away.\nStart it.", "Redis is away.", "It is late.")))
    assert ["note: Start it.", "note: It is late."] == [line for line in lines if line.startswith("note: ")]


def test_a_note_does_not_say_again_what_to_do() -> None:
    """Where that stands beside what was got."""
    message = replace(STALE_WRITER, got="Redis is away.", perhaps="Start it.")
    broken = report("passed unknown passed passed passed passed passed", messages={"A2": message})
    lines = shown(replace(broken, notes=("Redis is away.\nStart it.",)))
    assert [] == [line for line in lines if line.startswith("note: ")]


def test_unselected_criteria_are_not_explained() -> None:
    """After --lab-criterion the others need no explanation."""
    assert [] == labels(shown(SAMPLES["one_criterion"]()))


def test_long_path_keeps_its_end() -> None:
    """Of a path that does not fit, the end stays."""
    deep = Path("/srv") / ("deep/" * 40) / "report.html"
    last = text.render(published(stubs()), width=60, colour=False, where=str(deep)).split("\n")[-1]

    assert 60 == len(last)
    assert last.startswith("report: …")
    assert last.endswith("/deep/report.html")
