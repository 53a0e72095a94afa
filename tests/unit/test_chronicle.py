"""What a test saw, by the calendar: drawn on the page, whatever the verdict."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from report_samples import report

from pytest_labkit.domain.model import Chronicle, Span, Verdict
from pytest_labkit.report import as_json, chronicle, html, published
from pytest_labkit.runs.outcome import Outcome

MAY, JUNE, JULY = (datetime(2025, month, 1, tzinfo=UTC) for month in (5, 6, 7))
LIFE = Chronicle(
    "The life of a thing",
    (Span("events", "31 of them", MAY, JUNE), Span("copies", "v31", JUNE), Span("events", "30", JUNE, JULY)),
)


def with_chronicle(shown: Chronicle = LIFE):
    """A report whose first criterion has passed and shows *shown*."""
    made = report("passed todo todo todo todo todo todo")
    return replace(made, results=(replace(made.results[0], chronicles=(shown,)), *made.results[1:]))


def document(shown: Chronicle = LIFE):
    """*shown* as every format reads it."""
    return published(with_chronicle(shown)).criteria[0].chronicles[0]


def written(shown: Chronicle = LIFE):
    """*shown* as `report.json` has it."""
    return as_json(published(with_chronicle(shown)))["criteria"][0]["chronicles"][0]


def test_a_chronicle_in_the_document():
    """Instants are RFC 3339 in UTC, and what lasts has an end."""
    assert {
        "lane": "events",
        "label": "31 of them",
        "start": "2025-05-01T00:00:00Z",
        "end": "2025-06-01T00:00:00Z",
    } == written()["spans"][0]
    assert written()["spans"][1]["end"] is None


def test_a_lane_for_each_kind():
    """Lanes come in the order of their first span, bars by lane and time, from first to last instant."""
    drawn = chronicle.calendar(document())
    assert ["events", "copies"] == [lane.name for lane in drawn.lanes]
    assert [(0, 0.0, True), (0, 50.82, True), (1, 50.82, False)] == [
        (bar.lane, bar.x, bar.lasts) for bar in drawn.bars
    ]
    assert "events: 31 of them, 1 May 2025 00:00 to 1 June 2025 00:00" == drawn.bars[0].told
    assert "copies: v31, 1 June 2025 00:00" == drawn.bars[2].told
    assert ["1 May 2025", "1 Jul 2025"] == [drawn.ticks[0].label, drawn.ticks[-1].label]


def test_ticks_of_a_day_say_the_hour():
    """Where all happened within days, the hour is what tells."""
    noon = MAY.replace(hour=12)
    drawn = chronicle.calendar(document(Chronicle("", (Span("a", "", MAY), Span("a", "", noon)))))
    assert ["1 May 00:00", "1 May 03:00"] == [tick.label for tick in drawn.ticks[:2]]


def test_nothing_to_draw():
    """Without two instants that differ there is no calendar, and the page has none."""
    for spans in ((), (Span("a", "", MAY),), (Span("a", "", MAY), Span("b", "", MAY))):
        assert chronicle.calendar(document(Chronicle("", spans))) is None
        assert 'class="chronicle"' not in html.render(published(with_chronicle(Chronicle("", spans))))


def test_too_much_to_draw():
    """No more than can be seen is drawn, and the page says how many are left out."""
    many = Chronicle(
        "", tuple(Span("a", str(n), MAY.replace(hour=n % 24)) for n in range(chronicle.MOST + 7))
    )
    assert 7 == chronicle.calendar(document(many)).left_out
    assert "… and 7 more" in html.render(published(with_chronicle(many)))


def test_a_passed_criterion_shows_it():
    """The page has the drawing of what passed, and the same in words; a student's text in it is text."""
    page = html.render(published(with_chronicle()))
    svg = ET.fromstring(re.search(r'<figure class="chronicle">.*?(<svg.*?</svg>)', page, re.DOTALL)[1])
    assert ["events", "copies"] == [text.text for text in svg.findall("text[@class='lane']")]
    assert 3 == len(svg.findall("rect"))
    assert "<li>copies: v31, 1 June 2025 00:00</li>" in page

    evil = html.render(
        published(with_chronicle(Chronicle("<script>", (*LIFE.spans, Span("<b>", "</svg>", MAY)))))
    )
    assert "<script" not in evil
    assert "&lt;b&gt;: &lt;/svg&gt;" in evil


def test_an_outcome_carries_it():
    """It travels with a test's outcome as JSON, and comes back as it was."""
    outcome = Outcome("labs/lab3", "A1", "test", Verdict.PASSED, 0.1, chronicles=(LIFE,))
    assert outcome == Outcome.of(json.loads(json.dumps(outcome.as_data())))
