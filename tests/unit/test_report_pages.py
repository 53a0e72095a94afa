"""The page, the Markdown and the JUnit file of a report, as people and programs read them."""

import base64
import hashlib
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from report_samples import (
    FAST,
    NOT_SELECTED,
    SAMPLES,
    SLOW_MACHINE,
    STALE_WRITER,
    all_passed,
    failed_twice,
    half_done,
    report,
    service_broke,
    slow_machine,
)

from pytest_labkit.domain.model import CriterionResult, Measurement, Report, Status, Verdict
from pytest_labkit.report import html, junit, markdown, plot, published, wording
from pytest_labkit.report.document import Points
from pytest_labkit.report.plain import plain, shorten

CSS = html.STYLE.read_text(encoding="utf-8")


def palette(name: str) -> dict[str, str]:
    """The colours of the light or the dark page."""
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", {"light": light, "dark": dark}[name]))


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_have_the_contrast_that_wcag_aa_asks_for(theme: str) -> None:
    """4.5 to 1 for every colour of text on every ground it stands on."""
    colours = palette(theme)
    grounds = ["page", "card", "sunk"]
    pairs = [
        (ink, ground)
        for ink in ("text", "muted", "accent", "good", "bad", "calm", "warn")
        for ground in grounds
    ]
    pairs += [(tone, f"{tone}-bg") for tone in ("good", "bad", "calm", "warn")]
    pairs += [("text", "calm-bg"), ("text", "warn-bg"), ("muted", "good-bg")]

    def contrast(ink: str, ground: str) -> float:
        dark, light = sorted([luminance(colours[ink]), luminance(colours[ground])])
        return (light + 0.05) / (dark + 0.05)

    assert [] == [(pair, contrast(*pair)) for pair in pairs if contrast(*pair) < 4.5]


def test_page_s_policy_allows_its_own_style_and_nothing_else() -> None:
    """The content security policy names the hash of the very style sheet in the page."""
    page = html.render(published(half_done()))
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"default-src &#39;none&#39;; style-src &#39;sha256-{digest}&#39;; img-src data:;" in page
    assert "<script" not in page
    assert not re.search(r"url\(|@import|@font-face|https?:", page)


def test_page_has_language_title_and_landmarks() -> None:
    """What a screen reader steers by: language, title, one h1, landmarks, no heading level left out."""
    page = html.render(published(half_done()))
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]

    assert '<html lang="en">' in page
    assert "<title>Lab 3 Event sourcing: 15 of 40 points</title>" in page
    assert 1 == levels[0] == levels.count(1)
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(f"<{landmark}" in page for landmark in ("header", "main", "footer"))


def test_page_says_each_verdict_in_words_and_can_be_linked_to() -> None:
    """`report.html#A2` leads to criterion A2, and its verdict is a word beside the colour."""
    page = html.render(published(half_done()))
    article = re.search(r'<article class="criterion failed" id="A2">.*?</article>', page, re.DOTALL)[0]

    assert '<span aria-hidden="true">✗</span> failed' in article
    assert "labs/lab3/event_store.py:41" in article
    expected = ["checked", "expected", "got", "timeline", "perhaps", "look at"]
    assert expected == re.findall(r"<dt>(.*?)</dt>", article)


def test_page_tells_what_it_ran_on() -> None:
    """Services, machine, door, answers with the start of their hash, and what was ignored."""
    page = html.render(published(half_done()))

    for said in ("dynamodb", "3.1.0", "1.6 s", "Linux 6.1 x86_64", "event_store.py", "conftest.py", "direct"):
        assert said in page
    assert f">{'a1' * 6}</code>" in page


def test_page_of_a_text_with_markup_shows_the_markup() -> None:
    """A student's tags are text."""
    evil = replace(STALE_WRITER, got="</dd><script>alert('x')</script>")
    page = html.render(published(report("failed todo todo todo todo todo todo", messages={"A1": evil})))

    assert "&lt;/dd&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in page
    assert "<script" not in page


def test_timeline_is_scrolled_and_prose_is_wrapped() -> None:
    """A text with columns keeps its shape on a phone."""
    timeline = replace(STALE_WRITER, got="writer 2  |--41--|  ok\nwriter 5    |--41--|  ok")
    page = html.render(published(report("failed todo todo todo todo todo todo", messages={"A1": timeline})))

    assert '<dd dir="auto" class="drawing" tabindex="0">writer 2  |' in page
    assert 1 == page.count('class="drawing"')


LAG = Measurement("lag_p50", 10.0, "ms", samples=(*[10.0] * 60, *[12.0] * 30, *[20.0] * 9, 410.0))


def with_measurement(measurement: Measurement):
    """A report whose first criterion has *measurement*."""
    made = all_passed()
    first = replace(made.results[0], measurements=(measurement,))
    return published(replace(made, results=(first, *made.results[1:])))


def test_histogram_has_a_bar_for_each_span_with_samples() -> None:
    """Bars stand over equal spans, so that a late one is far from the others and can be seen."""
    histogram = plot.histogram(with_measurement(LAG).criteria[0].measurements[0])
    assert histogram is not None
    assert ["10 to 20 ms: 90", "20 to 30 ms: 9", "400 to 410 ms: 1"] == [bar.label for bar in histogram.bars]
    assert plot.WIDTH - 8.0 == histogram.bars[-1].x
    assert [64.0, 20.2, 6.7] == [bar.height for bar in histogram.bars]
    assert ["p50 10 ms", "p95 20 ms"] == [mark.label for mark in histogram.marks]
    assert ("10 ms", "410 ms") == (histogram.low, histogram.high)


@pytest.mark.parametrize("samples", [(), (3.0,), (3.0, 3.0), (float("nan"), 2.0)])
def test_histogram_is_left_out_where_it_says_nothing(samples: tuple[float, ...]) -> None:
    """No samples, one, or all the same, are no distribution."""
    measurement = with_measurement(replace(LAG, samples=samples)).criteria[0].measurements[0]
    assert plot.histogram(measurement) is None


def test_page_shows_the_histogram() -> None:
    """The picture is on the page, and says the same to those who do not see it."""
    page = html.render(with_measurement(LAG))
    said = "Histogram: 100 values from 10 to 410 ms, p50 10 ms, p95 20 ms; heights are the roots of counts"
    assert said in page
    assert 3 == page.count('class="bar"')


def test_plot_places_rounds_target_and_reference() -> None:
    """The target at one end, the reference at the other, the median on its round, enough to the right."""
    strip = plot.strip(published(all_passed()).criteria[6].measurements[0])

    assert 12.0 == strip.target.x
    assert plot.WIDTH - 12.0 == strip.reference.x
    assert strip.rounds[1] == strip.median
    assert (12.0, 308.0) == strip.enough
    assert ("start", "end") == (strip.target.anchor, strip.reference.anchor)


@pytest.mark.parametrize(
    ("measurement", "why"),
    [
        (replace(FAST, rounds=(), target=None, reference=None), "a figure alone"),
        (replace(FAST, value=float("nan")), "no figure"),
        (replace(FAST, value=1.0, rounds=(1.0, 1.0), target=">= 1", reference=None), "all the same"),
        (replace(FAST, value=-1e308, rounds=(1e308,)), "further apart than a float can say"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_plot_is_left_out_where_it_says_nothing(measurement, why: str) -> None:
    """Without two different figures there is nothing to draw."""
    of = report("passed " * 7, measurements={"A7": measurement})

    assert plot.strip(published(of).criteria[6].measurements[0]) is None


def test_missed_target_is_said_in_words() -> None:
    """Terminal, Markdown and page say `missed`, not only a colour."""
    missed = replace(SLOW_MACHINE, met=False, note=None)
    document = published(report("passed " * 6 + "failed", measurements={"A7": missed}))

    assert "throughput 6,230 events/s (target >= 10000, missed; the reference 7,105)" == wording.measured(
        document.criteria[6].measurements[0]
    )
    assert "✗ missed" in html.render(document)
    assert "missed" in markdown.render(document)


def test_markdown_row_escapes_what_would_break_the_table() -> None:
    """A pipe, a backtick, a tag or a mention in a title stays one cell of text."""
    of = report("passed " * 7)
    criterion = replace(of.results[0].criterion, title="a | b `c` <img> @all")
    results = (replace(of.results[0], criterion=criterion), *of.results[1:])
    row = markdown.render(published(replace(of, results=results))).split("| A1 ")[1].split("\n")[0]

    assert "a \\| b \\`c\\` &lt;img> @\u200ball | passed | 4/4 |  |" == row


def test_markdown_fence_is_longer_than_any_run_inside() -> None:
    """A student's text cannot close the fence it stands in."""
    assert "`````text\na ```` b\n`````" == markdown.fenced("a ```` b")
    assert "```text\nplain\n```" == markdown.fenced("plain")


def test_markdown_of_huge_texts_keeps_every_criterion() -> None:
    """Texts are cut before criteria are left out."""
    flood = replace(STALE_WRITER, got="line\n" * 20_000, expected="x" * 90_000)
    of = report("failed " * 7, messages=dict.fromkeys(["A1", "A2", "A3", "A4", "A5", "A6", "A7"], flood))
    written = markdown.render(published(of))

    assert len(written.encode()) <= 60_000
    assert 7 == written.count("\n### ✗ ")
    assert "characters left out" in written


def test_junit_says_what_each_verdict_is_to_a_ci_system() -> None:
    """failed and blocked are failures, error an error; points are in the properties."""
    root = ET.fromstring(junit.render(published(failed_twice())))
    cases = {case.get("name").split()[0]: case for case in root.iter("testcase")}

    assert ("7", "3", "1", "0") == tuple(
        root.get(name) for name in ("tests", "failures", "errors", "skipped")
    )
    assert "failed: 100 of 150 events can be read" == cases["A3"].find("failure").get("message")
    assert "error: KeyError: 'status'" == cases["A6"].find("error").get("message")
    assert "labkit.blocked" == cases["A7"].find("failure").get("type")
    assert {
        "labkit.criterion": "A3",
        "labkit.points": "0",
        "labkit.max_points": "6",
        "labkit.verdict": "failed",
    } == {p.get("name"): p.get("value") for p in cases["A3"].iter("property")}


def test_junit_never_holds_a_broken_service_against_the_student() -> None:
    """unknown is skipped."""
    root = ET.fromstring(junit.render(published(service_broke())))

    assert ("0", "0", "5") == tuple(root.get(name) for name in ("failures", "errors", "skipped"))


def test_challenges_stand_outside_the_points() -> None:
    """A challenge that is not met is shown, costs nothing, and fails no build."""
    of = all_passed()
    challenge = replace(of.results[0].criterion, id="X1", title="500,000 events a second", points=0)
    document = published(
        replace(of, challenges=(CriterionResult(challenge, Verdict.FAILED, message=STALE_WRITER),))
    )
    root = ET.fromstring(junit.render(document))

    assert document.passed
    assert Points(40, 40) == document.points
    assert ["lab3", "lab3.challenges"] == [suite.get("name") for suite in root]
    assert ("0", "0", "1") == tuple(root.get(name) for name in ("failures", "errors", "skipped"))
    assert "500,000 events a second" in html.render(document)
    assert "500,000 events a second" in markdown.render(document)


@pytest.mark.parametrize("status", [Status.INCOMPLETE, Status.UNKNOWN, Status.TAMPERED])
def test_run_that_proves_nothing_says_so(status: Status) -> None:
    """Every criterion passed, and yet the run did not: page and Markdown say why in their head."""
    document = published(replace(all_passed(), status=status))
    said = wording.STATUS[status]

    assert not document.passed
    assert said in html.render(document)
    assert said in markdown.render(document)


@pytest.mark.parametrize("name", SAMPLES)
def test_json_paths_lie_in_the_project(name: str) -> None:
    """No path of the machine is in a report if it lies in the project."""
    assert "/home/ann" not in repr(published(SAMPLES[name]()))


def test_json_keeps_a_path_outside_the_project() -> None:
    """A file taken from elsewhere is named in full."""
    of = half_done()
    answer = replace(of.answers[0], origin=Path("/srv/handed-in/ann/event_store.py"))

    assert "/srv/handed-in/ann/event_store.py" == str(
        published(replace(of, answers=(answer,))).answers[0].origin
    )


def test_plain_text_spells_out_what_cannot_be_shown() -> None:
    """Terminal commands go, other unprintable characters are shown as Python would write them."""
    assert "red" == plain("\x1b[1;31mred\x1b[0m\x1b]8;;http://e\x1b\\")
    assert r"a\x00b\u202ec\ud800" == plain("a\x00b\u202ec\ud800")
    assert "a\nb\nc" == plain("a\r\nb\rc")


def test_long_text_says_how_much_of_it_is_missing() -> None:
    """The beginning and the end stay."""
    assert "aaaaaa\n… 90 characters left out …\nbbb" == shorten("a" * 50 + "b" * 49, 9)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (18412.3, "18,412"),
        (39.24, "39.2"),
        (0.01234, "0.0123"),
        (5.0, "5"),
        (123.456, "123.5"),
        (float("nan"), "no figure"),
    ],
)
def test_figures_are_written_as_people_write_them(value: float, said: str) -> None:
    """Thousands are separated, and no more digits are shown than a measurement is worth."""
    assert said == wording.figure(value)


@pytest.mark.parametrize(
    ("duration", "said"),
    [(0.042, "0.04 s"), (12.34, "12.3 s"), (125.0, "2 min 5 s"), (float("nan"), "unknown time")],
)
def test_durations_are_written_as_people_say_them(duration: float, said: str) -> None:
    """Seconds, and minutes where there are some."""
    assert said == wording.seconds(duration)


def page_of(report: Report, project: str | None = None) -> str:
    """The page of *report*."""
    return html.render(published(report), project)


def test_what_did_not_run_is_one_line_and_failures_come_first() -> None:
    """No card, and no headline of a part, for what was not selected."""
    messages = {"A3": NOT_SELECTED, "A4": NOT_SELECTED}
    page = page_of(report("passed failed unknown unknown passed todo passed", messages=messages))
    assert ["A2", "A6", "A1", "A5", "A7"] == re.findall(r'<article class="criterion \w+" id="(\w+)">', page)
    assert 1 == page.count("Not checked in this run")
    assert "not selected" not in page


def test_commands_are_code_and_places_are_links() -> None:
    """What is typed, and what is opened."""
    page = page_of(half_done(), "../../../")
    assert "<code>labkit hint lab3 A2</code>" in page
    assert '<a href="../../../labs/lab3/event_store.py">labs/lab3/event_store.py:41</a>' in page
    assert "<a href" not in page_of(half_done())


def test_a_place_outside_of_the_project_is_a_link_of_its_own() -> None:
    """Answers may lie anywhere; what looks like the address of another machine is no place."""
    elsewhere = replace(half_done(), next_step="open /home/me/store.py:3, not //elsewhere/store.py")
    page = page_of(elsewhere, "../../../")
    assert '<a href="/home/me/store.py">/home/me/store.py:3</a>' in page
    assert "elsewhere/store.py</a>" not in page


def test_nothing_is_out_of_nothing() -> None:
    """A criterion without points, as a challenge is, says none."""
    made = half_done()
    worthless = tuple(replace(r, criterion=replace(r.criterion, points=0)) for r in made.results)
    page = page_of(replace(made, challenges=worthless[:1]))
    assert '0<span class="of"> of 0' not in page


def test_a_met_target_says_no_more_than_met() -> None:
    """Its note stands below it."""
    assert "see the note" not in page_of(slow_machine())
