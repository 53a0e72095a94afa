"""
The report as JUnit XML, as pytest's `xunit2` family writes it: what every CI system can show.

A criterion is a test case. `failed`, `todo` and `blocked` are failures, since a CI system shows a file
without failures as done; `error` is an error, `unknown` is skipped: nothing is known of it. The
verdict itself and the points stand in the properties, which course scripts should read instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from pytest_labkit.report.document import Criterion, Document
from pytest_labkit.report.timeline import texts
from pytest_labkit.report.wording import instant, measured

_ELEMENTS = {
    "failed": "failure",
    "error": "error",
    "todo": "failure",
    "blocked": "failure",
    "unknown": "skipped",
}


def render(document: Document) -> bytes:
    """UTF-8 XML: a suite of the criteria, and one of the challenges if the lab has any."""
    root = ET.Element("testsuites", name="pytest-labkit")
    lab = document.lab.id
    suite = _suite(root, lab, document.criteria, document)
    _properties(
        suite,
        status=document.status,
        passed=str(document.passed).lower(),
        points=document.points.earned,
        max_points=document.points.possible,
        kit_version=document.kit_version,
        door=document.door,
        seed=document.seed,
    )
    if document.challenges:
        _suite(root, f"{lab}.challenges", document.challenges, document)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(part.get(count, "0")) for part in root)))
    root.set("time", _time(document.duration_s))
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _suite(root: ET.Element, name: str, criteria: Sequence[Criterion], document: Document) -> ET.Element:
    suite = ET.SubElement(root, "testsuite", name=name)
    cases = [_case(criterion, name) for criterion in criteria]
    tags = [child.tag for case in cases for child in case]
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(tags.count("failure")))
    suite.set("errors", str(tags.count("error")))
    suite.set("skipped", str(tags.count("skipped")))
    suite.set("time", _time(sum(_known(criterion.duration_s) for criterion in criteria)))
    suite.set("timestamp", instant(document.started_at))
    suite.extend(cases)
    return suite


def _case(criterion: Criterion, suite: str) -> ET.Element:
    name = f"{criterion.id} {criterion.title}"
    case = ET.Element("testcase", classname=suite, name=name, time=_time(criterion.duration_s))
    _properties(
        case,
        criterion=criterion.id,
        points=criterion.points.earned,
        max_points=criterion.points.possible,
        verdict=criterion.verdict,
        **{f"measurement.{m.name}": measured(m) for m in criterion.measurements},
    )
    _outcome(case, criterion, challenge=suite.endswith(".challenges"))
    return case


def _outcome(case: ET.Element, criterion: Criterion, *, challenge: bool) -> None:
    """What says that *criterion* is not passed. A challenge stands outside and never fails a build."""
    verdict, message = criterion.verdict, criterion.message
    if verdict == "passed":
        return
    element = ET.SubElement(case, "skipped" if challenge else _ELEMENTS[verdict], type=f"labkit.{verdict}")
    got = message.got.strip().partition("\n")[0] if message else ""
    element.set("message", f"{verdict}: {got}" if got else verdict)
    element.text = "\n".join(f"{label}: {text}" for label, text in texts(criterion)) or None


def _properties(parent: ET.Element, **values: object) -> None:
    properties = ET.Element("properties")
    parent.insert(0, properties)
    for name, value in values.items():
        ET.SubElement(properties, "property", name=f"labkit.{name}", value=str(value))


def _time(duration_s: float) -> str:
    return f"{_known(duration_s):.3f}"


def _known(duration_s: float) -> float:
    return 0.0 if math.isnan(duration_s) else duration_s
