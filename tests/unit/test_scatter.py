"""Two figures of several things, drawn against each other on the page, whatever the verdict."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree as ET

from report_samples import report

from pytest_labkit.domain.model import Axis, Cloud, Scatter, Verdict
from pytest_labkit.report import as_json, html, published, scatter
from pytest_labkit.runs.outcome import Outcome

COSTS = Scatter(
    "What it costs",
    Axis("throughput", "records/s"),
    Axis("latency", "ms"),
    (
        Cloud("quick", (1000.0, 1200.0, 1100.0), (1.0, 3.0, 2.0)),
        Cloud("sure", (10.0, 11.0, 12.0), (100.0, 90.0, 95.0)),
    ),
)


def with_scatter(shown: Scatter = COSTS):
    """A report whose first criterion has passed and shows *shown*."""
    made = report("passed todo todo todo todo todo todo")
    return replace(made, results=(replace(made.results[0], scatters=(shown,)), *made.results[1:]))


def test_a_scatter_in_the_document():
    """report.json has the value of each round on both axes."""
    written = as_json(published(with_scatter()))["criteria"][0]["scatters"][0]
    assert {"name": "throughput", "unit": "records/s"} == written["x"]
    assert {"name": "quick", "x": [1000, 1200, 1100], "y": [1, 3, 2]} == written["clouds"][0]


def test_medians_and_spreads():
    """More is further right and higher up; a median lies within its spread, and words say the same."""
    quick, sure = scatter.plot(COSTS).clouds
    assert quick.x > sure.x
    assert quick.y > sure.y  # positions grow downwards
    assert quick.x_span[0] < quick.x < quick.x_span[1]
    assert 3 == len(quick.rounds)
    assert "1,100 (1,000 to 1,200)" == quick.x_said
    assert "sure: throughput 11 (10 to 12) records/s, latency 95 (90 to 100) ms" == sure.told


def test_labels_do_not_cover_each_other():
    """Things that cost the same have their names one below the other."""
    same = replace(COSTS, clouds=tuple(replace(COSTS.clouds[0], name=name) for name in "abc"))
    places = sorted(cloud.label_y for cloud in scatter.plot(same).clouds)
    assert all(later - earlier >= 12 for earlier, later in pairwise(places))


def test_nothing_to_draw():
    """What has no rounds, or none that is a number, is not drawn."""
    nothing = replace(COSTS, clouds=(Cloud("a", (), ()), Cloud("b", (float("nan"),), (1.0,))))
    assert scatter.plot(nothing) is None
    assert 'class="scatter"' not in html.render(published(with_scatter(nothing)))


def test_one_value_and_values_below_zero():
    """A single round has a place, and so have values that no logarithm knows."""
    assert scatter.plot(replace(COSTS, clouds=(Cloud("a", (1.0,), (1.0,)),))) is not None
    assert scatter.plot(replace(COSTS, clouds=(Cloud("a", (-1.0, 0.0), (1.0, 2.0)),))) is not None


def test_the_drawing_on_the_page():
    """The page has a well-formed SVG and a table, and no name in it is markup."""
    page = html.render(published(with_scatter()))
    svg = ET.fromstring(re.search(r'<figure class="scatter">.*?(<svg.*?</svg>)', page, re.DOTALL)[1])
    assert 2 == len(svg.findall("g"))
    hostile = replace(COSTS, title="<script>", clouds=(replace(COSTS.clouds[0], name="</svg><b>"),))
    page = html.render(published(with_scatter(hostile)))
    assert "<script>" not in page
    assert "<b>" not in page


def test_a_scatter_travels():
    """An outcome with a scatter is the same after the journal."""
    outcome = Outcome("labs/lab3", "A1", "test", Verdict.PASSED, 0.1, scatters=(COSTS,))
    assert outcome == Outcome.of(outcome.as_data())
