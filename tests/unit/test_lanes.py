"""Marks on lanes, some of them joined by lines: drawn on the page, whatever the verdict."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

from report_samples import report

from pytest_labkit.domain.model import Drawing, Join, Mark, Verdict
from pytest_labkit.report import as_json, html, lanes, published
from pytest_labkit.runs.outcome import Outcome

LOGS = Drawing(
    "Two logs",
    "offset",
    (
        Mark("log 1", "a", 0.0),
        Mark("log 0", "c", 1.0),
        Mark("log 0", "b", 4.0, wrong=True),
    ),
    (Join(1, 2, "c came first"),),
)


def with_drawing(shown: Drawing = LOGS):
    """A report whose first criterion has passed and shows *shown*."""
    made = report("passed todo todo todo todo todo todo")
    return replace(made, results=(replace(made.results[0], drawings=(shown,)), *made.results[1:]))


def test_a_drawing_in_the_document():
    """Marks and joins are in report.json as they were made."""
    written = as_json(published(with_drawing()))["criteria"][0]["drawings"][0]
    assert {"lane": "log 0", "label": "b", "at": 4.0, "wrong": True} == written["marks"][2]
    assert [{"one": 1, "other": 2, "label": "c came first"}] == written["joins"]


def test_lanes_by_name_and_marks_along_them():
    """The first mark is at the left, the last at the right, and a mark is named if it is wrong or joined."""
    drawn = lanes.picture(LOGS)
    assert ["log 0", "log 1"] == [lane.name for lane in drawn.lanes]
    assert [2.0, 26.0, 98.0] == [dot.x for dot in drawn.dots]
    assert ["", "c", "b"] == [dot.label for dot in drawn.dots]
    assert ("0", "4") == (drawn.first, drawn.last)


def test_no_label_lies_on_another():
    """Of wrong marks that are near each other the first has its label; each lane is for itself."""
    near = tuple(
        Mark(f"log {n % 2}", "ten letters", at, wrong=True) for n, at in enumerate([50, 50, 51, 99, 0])
    )
    assert ["ten letters"] * 2 + [""] + ["ten letters"] * 2 == [
        dot.label for dot in lanes.picture(Drawing("", "", near)).dots
    ]


def test_a_join_is_a_line_between_its_marks():
    """It leads from one mark to the other, and says why; a join of a mark that is not drawn is left out."""
    drawn = lanes.picture(replace(LOGS, joins=(*LOGS.joins, Join(0, 99, "nowhere"))))
    (line,) = drawn.lines
    one, other = drawn.dots[1:]
    assert (one.x, one.y, other.x, other.y) == (line.x1, line.y1, line.x2, line.y2)
    assert "c and b: c came first" == line.told


def test_nothing_to_draw():
    """Without marks there is no figure; one mark stands in the middle."""
    assert lanes.picture(Drawing("", "", ())) is None
    assert 'class="lanes"' not in html.render(published(with_drawing(Drawing("", "", ()))))
    assert 50.0 == lanes.picture(Drawing("", "", (Mark("a", "b", 7.0),))).dots[0].x


def test_too_much_to_draw():
    """No more marks than can be seen are drawn, and the page says how many are left out."""
    many = Drawing("", "", tuple(Mark("a", str(n), float(n)) for n in range(lanes.MOST + 7)))
    assert 7 == lanes.picture(many).left_out
    assert "… and 7 more" in html.render(published(with_drawing(many)))


def test_a_passed_criterion_shows_it():
    """The page has the drawing, and the same in words; a text in it is text."""
    page = html.render(published(with_drawing()))
    svg = ET.fromstring(re.search(r'<figure class="lanes">.*?(<svg.*?</svg>)', page, re.DOTALL)[1])
    assert ["log 0", "log 1"] == [text.text for text in svg.findall("text[@class='lane']")]
    assert ["right", "right", "wrong"] == [dot.get("class") for dot in svg.findall("circle")]
    assert 1 == len(svg.findall("line[@class='join']"))
    assert "<li>c and b: c came first</li>" in page
    assert "<li>log 0, 4: b</li>" in page

    evil = html.render(published(with_drawing(Drawing("<script>", "<b>", (Mark("</svg>", "<i>", 0.0),)))))
    assert "<script" not in evil
    assert "&lt;/svg&gt;, 0: &lt;i&gt;" in evil


def test_an_outcome_carries_it():
    """It travels with a test's outcome as JSON, and comes back as it was."""
    outcome = Outcome("labs/lab3", "A1", "test", Verdict.PASSED, 0.1, drawings=(LOGS,))
    assert outcome == Outcome.of(json.loads(json.dumps(outcome.as_data())))
