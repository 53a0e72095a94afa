"""Whatever a report holds, every format is valid, and all formats say the same."""

import json
import os
import re
from collections import Counter
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from markdown_it import MarkdownIt
from report_samples import SAMPLES, lab
from rich.cells import cell_len

from pytest_labkit.domain.model import (
    AnswerFile,
    Criterion,
    CriterionResult,
    Measurement,
    Message,
    Part,
    Report,
    ServiceInfo,
    Status,
    Step,
    Verdict,
)
from pytest_labkit.report import SCHEMA, as_json, html, junit, markdown, published, text
from pytest_labkit.report.document import adapter
from pytest_labkit.report.schema import schema as schema_of_the_code

NASTY = [
    "<script>alert(1)</script></title></style>",
    "]]>&amp;<![CDATA[",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[2J",
    "\x00\x07\x08\x0b\x7f\x85\x9b",
    "\ud800 half \udfff",
    "\u202eback to front\u202c \u200f\u2066 \u061c",
    "👩‍👩‍👧‍👦 🏳️‍🌈 日本語 e\u0301",
    "| a | `b` | ``` | *c* | [d](http://e) | @everyone | #1 | <img src=x>",
    "````\n~~~\n# heading\n- [ ] list",
    "\r\n\r\n   \t\x0c\u2028\u2029",
    "\"><svg/onload=x> ' {{ 7*7 }} {% raw %}",
    "x" * 100_000,
    "<b>" * 33_000,
    "`" * 100_000,
    "語" * 50_000,
    "\x1b]" * 50_000,
    "\ufffe\uffff",
    "",
]
texts = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=30), st.text(alphabet="`|<>&@#\x1b[m\n ]", max_size=30)
)
figures = st.floats()
durations = st.one_of(st.floats(min_value=0), st.just(float("nan")))

outcomes = st.sampled_from(["ok", "failed", "unknown"])
steps = st.builds(Step, texts, texts, st.floats(), st.none() | st.floats(), outcomes, texts)
timelines = st.lists(steps, max_size=12).map(tuple)
messages = st.builds(Message, texts, texts, texts, st.none() | texts, st.none() | texts, timelines)
targets = st.none() | st.sampled_from([">= 10000", "<= 50", "> 0", "< 1e-09", ">= 1e+308", ">= nan"]) | texts
measurements = st.builds(
    Measurement,
    texts,
    figures,
    texts,
    targets,
    st.none() | st.booleans(),
    st.lists(figures, max_size=5).map(tuple),
    st.none() | figures,
    st.none() | texts,
)
criteria = st.builds(
    Criterion,
    id=st.sampled_from(["A1", "B2", "C13"]) | texts,
    part=st.sampled_from("AB") | texts,
    title=texts,
    points=st.integers(0, 100),
    required=st.booleans(),
)
results = st.builds(
    CriterionResult,
    criteria,
    st.sampled_from(Verdict),
    durations,
    st.none() | messages,
    st.lists(measurements, max_size=2).map(tuple),
)
reports = st.builds(
    Report,
    lab=st.builds(
        lambda title, parts: type(lab())(**{**vars(lab()), "title": title, "parts": tuple(parts)}),
        texts,
        st.lists(st.builds(Part, st.sampled_from("AB") | texts, texts, st.integers(0, 90)), max_size=2),
    ),
    kit_version=texts,
    status=st.sampled_from(Status),
    started_at=st.datetimes(timezones=st.just(UTC), min_value=datetime(1971, 1, 1)),  # noqa: DTZ001
    duration_s=durations,
    door=st.sampled_from(["direct", "process"]),
    seed=st.integers(min_value=0),
    results=st.lists(results, max_size=25).map(tuple),
    challenges=st.lists(results, max_size=2).map(tuple),
    services=st.dictionaries(texts, st.builds(ServiceInfo, texts, texts, durations), max_size=3),
    machine=st.dictionaries(texts, texts | st.integers() | figures, max_size=3),
    answers=st.lists(st.builds(AnswerFile, texts, st.just("0f" * 32), st.just(Path("/a/b"))), max_size=2).map(
        tuple
    ),
    ignored=st.lists(texts, max_size=3).map(tuple),
    notes=st.lists(texts, max_size=3).map(tuple),
    next_step=st.none() | texts,
)
any_report = settings(
    max_examples=int(os.environ.get("LABKIT_EXAMPLES", "20")),
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking texts of 100 KB takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)

# Of a report that fails, hypothesis shows megabytes, and warns of that instead of telling the failure.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

# What XML 1.0 allows (section 2.2), less the C1 controls.
LEGAL = re.compile("[\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


def schema(*, closed: bool = False) -> Draft202012Validator:
    """The validator of `report.json`; *closed* lets nothing through that the schema does not name."""
    described = json.loads(SCHEMA.read_text(encoding="utf-8"))
    if closed:
        for shape in (described, described["properties"]["lab"], *described["$defs"].values()):
            if "properties" in shape:
                shape["additionalProperties"] = False
    Draft202012Validator.check_schema(described)
    return Draft202012Validator(described, format_checker=FormatChecker())


SCHEMA_CLOSED = schema(closed=True)


class Page(HTMLParser):
    """A page as a browser reads it: which tags it has, its ids and its visible text; it must nest."""

    VOID = frozenset({"meta", "link", "br", "img"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(page)
        self.close()
        assert [] == self.open

    @property
    def verdicts(self) -> list[str]:
        """The verdict of each criterion and challenge on the page, those that share a line included."""
        classes = [(value or "").split() for _, name, value in self.attributes if name == "class"]
        return [of[1] for of in classes if of[0] in ("criterion", "one")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in self.VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.get_starttag_text().endswith("/>") and (not self.open or self.open[-1] != tag):
            return  # html.parser reports an end for <line …/> as well
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        for tag in self.open:
            self.texts.setdefault("svg title" if tag == "title" and "svg" in self.open else tag, []).append(
                data
            )


OUR_TAGS = frozenset(re.findall(r"<(\w+)", html.TEMPLATE.read_text(encoding="utf-8")))


@any_report
@given(reports)
def test_json_is_what_the_schema_describes(report: Report) -> None:
    """`report.json` is strict JSON, and nothing is in it that the schema does not describe."""
    written = json.dumps(as_json(published(report)), allow_nan=False)

    SCHEMA_CLOSED.validate(json.loads(written))


@any_report
@given(reports)
def test_no_text_can_command_a_terminal_or_break_xml(report: Report) -> None:
    """No text in the document holds a control character, half a character or a bidi mark."""

    def strings(value: object) -> list[str]:
        if isinstance(value, str):
            return [value]
        inside = (
            [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
        )
        return [text for item in inside for text in strings(item)]

    for string in strings(as_json(published(report))):
        assert LEGAL.fullmatch(string)
        assert not re.search("[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", string)
        assert len(string) < 250_000


@any_report
@given(reports)
def test_page_holds_no_tag_of_a_student(report: Report) -> None:
    """The page nests, has only the template's tags and attributes, and asks for nothing."""
    page = Page(html.render(published(report)))

    assert set() == set(page.tags) - OUR_TAGS
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]
    assert {"data:,"} == {value for _, name, value in page.attributes if name in ("href", "src", "srcset")}


@any_report
@given(reports)
def test_markdown_is_small_and_holds_no_html(report: Report) -> None:
    """Markdown stays below 60 KB, and a renderer that lets HTML through finds none in it."""
    written = markdown.render(published(report))
    tokens = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(written)
    inline = [child for token in tokens for child in (token, *(token.children or []))]

    assert len(written.encode()) <= 60_000
    assert set() == {token.type for token in inline} & {"html_block", "html_inline", "link_open", "image"}


@any_report
@given(reports, st.integers(20, 140), st.booleans())
def test_summary_is_one_screen(report: Report, width: int, colour: bool) -> None:
    """The terminal gets at most 20 lines that fit, and no escape sequence but colours it asked for."""
    shown = text.render(published(report), width=width, colour=colour, where="/a/b")
    bare = re.sub(r"\x1b\[[0-9]+m", "", shown) if colour else shown
    lines = bare.split("\n")

    assert len(lines) <= 20
    assert max(cell_len(line) for line in lines) <= width
    assert LEGAL.fullmatch(bare)


@any_report
@given(reports)
def test_formats_agree(report: Report) -> None:
    """Points and the number of criteria with each verdict are the same in all five formats."""
    document = published(report)
    points = f"{report.earned} of {report.possible} points"
    verdicts = Counter(result.verdict.value for result in report.results)
    tally = " · ".join(f"{verdicts[v]} {v}" for v in Verdict if verdicts[v]) or "no criteria"
    challenges = Counter(challenge.verdict.value for challenge in report.challenges)
    suite = ET.fromstring(junit.render(document)).find("testsuite")
    written = markdown.render(document)
    page = Page(html.render(document))

    assert (report.earned, report.possible) == (document.points.earned, document.points.possible)
    assert verdicts == Counter(criterion.verdict for criterion in document.criteria)
    assert f"**{points}** · {tally}" in written
    assert "".join(page.texts["title"]).endswith(f": {points}")
    assert verdicts + challenges == Counter(page.verdicts)
    assert verdicts == verdicts_of(suite)
    assert report.earned == sum(int(value) for value in properties(suite, "points"))
    head = text.render(published(report), width=100, colour=False).split("\n")[:2]
    assert points == head[0][-len(points) :]
    assert any(tally in line for line in head)


def properties(suite: ET.Element, name: str) -> list[str]:
    """The values of the property `labkit.<name>` of all test cases."""
    found = suite.findall(f"testcase/properties/property[@name='labkit.{name}']")
    return [element.get("value") for element in found]


def verdicts_of(suite: ET.Element) -> Counter[str]:
    """How often each verdict is in *suite*; the elements and the counts must agree with it."""
    verdicts = Counter(properties(suite, "verdict"))
    assert int(suite.get("tests")) == verdicts.total() == len(suite.findall("testcase"))
    not_yet = sum(verdicts[verdict] for verdict in ("failed", "todo", "blocked"))
    assert int(suite.get("failures")) == not_yet == len(suite.findall("testcase/failure"))
    assert int(suite.get("errors")) == verdicts["error"] == len(suite.findall("testcase/error"))
    assert int(suite.get("skipped")) == len(suite.findall("testcase/skipped"))
    return verdicts


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_fit_the_schema(name: str) -> None:
    """The reports of ordinary runs are what the schema describes."""
    schema(closed=True).validate(as_json(published(SAMPLES[name]())))


def test_schema_is_that_of_the_code() -> None:
    """`report.schema.json` says what the classes say; LABKIT_RECORD=1 writes it anew."""
    described = json.dumps(schema_of_the_code(), indent=2) + "\n"
    if os.environ.get("LABKIT_RECORD") == "1":
        SCHEMA.write_text(described, encoding="utf-8")

    assert described == SCHEMA.read_text(encoding="utf-8")


@any_report
@given(reports)
def test_report_that_is_read_says_what_was_written(report: Report) -> None:
    """A document is taken up from its `report.json` as it was."""
    written = as_json(published(report))

    assert written == as_json(adapter().validate_python(written))


def changed(**criterion: object) -> dict[str, object]:
    """The document of an ordinary run, its first criterion changed."""
    document = as_json(published(SAMPLES["half_done"]()))
    document["criteria"][0].update(criterion)
    return document


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (changed() | {"schema": "labkit/report/2"}, "'labkit/report/1' was expected"),
        (changed() | {"passed": True, "status": "incomplete"}, "'complete' was expected"),
        (changed() | {"started_at": "2026-11-23T10:00:00+01:00"}, "does not match"),
        (changed() | {"door": "window"}, "'window' is not one of"),
        (changed() | {"seed": -1}, "-1 is less than the minimum of 0"),
        (changed(verdict="great", points={"earned": 0, "possible": 4}), "'great' is not one of"),
        (changed(verdict="failed"), "0 was expected"),
        (changed(title=None), "None is not of type 'string'"),
        (changed(measurements=[{"name": "speed"}]), "'value' is a required property"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_schema_refuses(document: dict[str, object], why: str) -> None:
    """What no run writes does not fit the schema."""
    with pytest.raises(ValidationError, match=re.escape(why)):
        schema().validate(document)
