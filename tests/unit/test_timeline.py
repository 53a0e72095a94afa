"""A counterexample as it is drawn: in letters for a terminal, as an SVG for the page."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from report_samples import STALE_WRITER, report

from pytest_labkit.domain.model import Step
from pytest_labkit.report import as_json, html, junit, markdown, published, timeline
from pytest_labkit.report.plain import speakable


def step(process: str, start: float, end: float | None, outcome: str = "ok", said: str = "") -> Step:
    """An operation `append(0, [a])` of *process*."""
    return Step(process, "append(0, [a])", start, end, outcome, said or outcome)


def test_a_row_for_each_operation_under_the_times() -> None:
    """Bars stand under the milliseconds that they took; the end of a bar shows the outcome."""
    steps = [step("w1", 0, 8), step("w2", 4, 12, "failed", "failed: ConcurrencyError")]
    assert timeline.text(steps, 48) == [
        "    0      12 ms",
        "w1  ├──────┤      append(0, [a])  ok",
        "w2      ├──────✗  append(0, [a])  failed: ConcurrencyError",
    ]


def test_operations_of_one_client_stand_together() -> None:
    """A lane is named once; the lanes are ordered by their first start."""
    steps = [step("w1", 0, 2), step("reader 2", 1, 3), step("w1", 6, 12)]
    assert timeline.text(steps, 48) == [
        "          0      12 ms",
        "w1        ├─┤           append(0, [a])  ok",
        "                ├────┤  append(0, [a])  ok",
        "reader 2   ├─┤          append(0, [a])  ok",
    ]


def test_unknown_and_unended_operations_look_different() -> None:
    """A lost reply ends in a question mark, a call that hangs goes on to the edge."""
    steps = [step("w1", 0, 6, "unknown"), step("w2", 3, None, "unknown", "has not ended"), step("w3", 12, 12)]
    assert timeline.text(steps, 48) == [
        "    0      12 ms",
        "w1  ├─────?       append(0, [a])  unknown",
        "w2     ├───────→  append(0, [a])  has not ended",
        "w3             │  append(0, [a])  ok",
    ]


def test_eight_lines_at_most() -> None:
    """Of more than seven operations the first six are drawn, and the others counted."""
    lines = timeline.text([step(f"w{n}", n, n + 1) for n in range(20)], 80)
    assert 8 == len(lines)
    assert "… and 14 more" == lines[-1]


def test_nothing_is_drawn_of_nothing() -> None:
    """Without operations there is neither a line nor a picture."""
    assert [] == timeline.text([], 80)
    assert timeline.picture([]) is None


@pytest.mark.parametrize("steps", [[step("w", 0, 0)], [step("w", 0, None)], [step("w", 5, 1)]])
def test_odd_times_are_drawn_within_the_picture(steps: list[Step]) -> None:
    """No time at all, no end, an end before the start: the bar stays between the edges."""
    assert all(len(line) < 60 for line in timeline.text(steps, 48))
    drawn = timeline.picture(steps)
    assert drawn is not None
    assert all(0 <= bar.x and 1 <= bar.width and bar.x + bar.width <= 100 for bar in drawn.bars)


def test_picture_labels_stand_where_there_is_room() -> None:
    """Right of a bar, left of one that ends at the edge, inside one that fills the width."""
    drawn = timeline.picture([step("w1", 0, 4), step("w2", 6, 10), step("w3", 0, 10), step("w3", 8, None)])
    assert drawn is not None
    assert [(bar.label, bar.label_x, bar.anchor) for bar in drawn.bars] == [
        ("1 ok", 40.0, "start"),
        ("2 ok", 0.0, "start"),
        ("3 running", 80.0, "end"),
        ("4 ok", 60.0, "end"),
    ]


def test_picture_of_many_says_how_many_are_left_out() -> None:
    """Twenty bars are drawn; the page says that there are more."""
    drawn = timeline.picture([step("w", n, n + 1) for n in range(23)])
    assert drawn is not None
    assert (20, 3) == (len(drawn.bars), drawn.left_out)


def page_of(message=STALE_WRITER) -> str:
    """The page of a report whose first criterion failed with *message*."""
    return html.render(published(report("failed todo todo todo todo todo todo", messages={"A1": message})))


def test_page_shows_the_timeline_as_svg_and_as_a_list() -> None:
    """Lanes and bars for the eye, a title and a description, and the same in words below."""
    page = page_of()
    svg = ET.fromstring(re.search(r'<svg width="100%".*?</svg>', page, re.DOTALL)[0])
    assert "Timeline: 2 operations of 2 clients" == svg.findtext("title")
    assert "over 5.2 ms" in svg.findtext("desc")
    assert ["writer 2", "writer 5"] == [t.text for t in svg.findall("text[@class='client']")]
    assert ["1 ok", "2 ok"] == [t.text for t in svg.findall("text[@class='ok']")]
    assert "<strong>writer 5</strong> <code>append(order-17, 40, [7c9e6679])</code>" in page
    assert '<span class="span">0.3 to 5.2 ms</span> <span class="ok">ok</span>' in page


def test_page_s_svg_names_what_labels_it() -> None:
    """`aria-labelledby` leads to the title and the description, once each."""
    page = page_of()
    for id_ in re.search(r'aria-labelledby="(.*?)"', page.partition("<svg width")[2])[1].split():
        assert 1 == page.count(f'id="{id_}"')


def test_page_escapes_what_clients_and_errors_are_called() -> None:
    """A student's text in a timeline is text."""
    evil = replace(STALE_WRITER.timeline[0], process="<b>w", call="</code><script>", said="ok: '\"><i>")
    page = page_of(replace(STALE_WRITER, timeline=(evil,)))
    assert "<script" not in page
    assert "&lt;/code&gt;&lt;script&gt;" in page
    assert "<strong>&lt;b&gt;w</strong>" in page
    assert "ok: &#39;&#34;&gt;&lt;i&gt;" in page


def test_markdown_and_junit_show_the_drawing() -> None:
    """Formats of text show it in letters, after what was got."""
    document = published(report("failed todo todo todo todo todo todo", messages={"A1": STALE_WRITER}))
    drawn = "writer 2  ├──────────────┤      append(order-17, 40, [0f8fad5b])  ok"
    assert drawn in markdown.render(document)
    assert drawn in junit.render(document).decode()
    assert ["checked", "expected", "got", "timeline", "perhaps", "look at"] == [
        label for label, _ in timeline.texts(document.criteria[0])
    ]


def test_report_json_holds_the_steps_not_the_drawing() -> None:
    """Every format can be made from the data."""
    document = published(report("failed todo todo todo todo todo todo", messages={"A1": STALE_WRITER}))
    message = as_json(document)["criteria"][0]["message"]
    assert {
        "process": "writer 2",
        "call": "append(order-17, 40, [0f8fad5b])",
        "start_ms": 0.0,
        "end_ms": 4.1,
        "outcome": "ok",
        "said": "ok",
    } == message["timeline"][0]


def test_a_terminal_without_unicode_gets_ascii() -> None:
    """Marks and lines have a stand-in each of the same width; where Unicode is known, nothing changes."""
    drawn = timeline.text([step("w1", 0, 8), step("w2", 4, None, "unknown"), step("w3", 12, 12)], 48)
    assert [speakable(line, "ascii") for line in drawn] == [
        "    0      12 ms",
        "w1  |------|      append(0, [a])  ok",
        "w2      |------>  append(0, [a])  unknown",
        "w3             |  append(0, [a])  ok",
    ]
    assert drawn == [speakable(line, "utf-8") for line in drawn]
    assert "✓" == speakable("✓", None)
