"""
A `Report` as the document that `report.json` holds and every other format is made from.

What all formats need is done here, once: texts are made harmless and cut to a bearable length,
figures that JSON has no word for become `null`, and paths below the project are written relative to
it. So no two formats can disagree, and a page can be made again from a `report.json` alone.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

from pytest_labkit.domain import model
from pytest_labkit.domain.model import Report
from pytest_labkit.report import document as doc
from pytest_labkit.report.plain import line, plain

SCHEMA_NAME = "labkit/report/1"


def as_json(report: Report) -> doc.Document:
    """*report* as values that JSON can hold; `report.schema.json` describes them."""
    root = project(report.lab)
    return {
        "schema": SCHEMA_NAME,
        "kit_version": line(report.kit_version),
        "lab": _lab(report.lab),
        "status": report.status.value,
        "passed": report.passed,
        "started_at": report.started_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "duration_s": _finite(report.duration_s),
        "door": report.door,
        "seed": report.seed,
        "services": {line(name): _service(info) for name, info in report.services.items()},
        "machine": {line(name): _fact(value) for name, value in report.machine.items()},
        "answers": [_answer(answer, root) for answer in report.answers],
        "ignored": [within(root, path) for path in report.ignored],
        "points": {"earned": int(report.earned), "possible": int(report.possible)},
        "criteria": [_criterion(result, root) for result in report.results],
        "challenges": [_criterion(result, root) for result in report.challenges],
        "notes": [plain(note) for note in report.notes],
        "next_step": _or_none(report.next_step),
    }


def project(lab: model.Lab) -> Path:
    """The folder that the lab's package hangs in: `course` for `labs.lab3` in `course/labs/lab3`."""
    depth = len(lab.package.split("."))
    parents = lab.folder.parents
    return parents[depth - 1] if depth <= len(parents) else lab.folder


def within(root: Path, path: str | Path) -> str:
    """*path* relative to *root* with `/` if it lies below, else as it is; a `:line` after it stays."""
    text = line(str(path))
    try:
        return Path(text).relative_to(root).as_posix() if Path(text).is_absolute() else text
    except ValueError:
        return text


def _lab(lab: model.Lab) -> doc.Lab:
    parts: list[doc.Part] = [
        {"id": line(part.id), "title": line(part.title), "minutes": part.minutes} for part in lab.parts
    ]
    return {"id": line(lab.id), "title": line(lab.title), "parts": parts}


def _criterion(result: model.CriterionResult, root: Path) -> doc.Criterion:
    criterion = result.criterion
    return {
        "id": line(criterion.id),
        "part": line(criterion.part),
        "title": line(criterion.title),
        "required": criterion.required,
        "verdict": result.verdict.value,
        "points": {"earned": int(result.earned), "possible": int(criterion.points)},
        "duration_s": _finite(result.duration_s),
        "message": None if result.message is None else _message(result.message, root),
        "measurements": [_measurement(measurement) for measurement in result.measurements],
        "chronicles": [_chronicle(chronicle) for chronicle in result.chronicles],
    }


def _message(message: model.Message, root: Path) -> doc.Message:
    return {
        "checked": plain(message.checked),
        "expected": plain(message.expected),
        "got": plain(message.got),
        "perhaps": _or_none(message.perhaps),
        "look_at": None if message.look_at is None else within(root, message.look_at),
        "timeline": [_step(step) for step in message.timeline],
    }


def _step(step: model.Step) -> doc.Step:
    return {
        "process": line(step.process),
        "call": line(step.call),
        "start_ms": _finite(step.start_ms) or 0.0,
        "end_ms": None if step.end_ms is None else _finite(step.end_ms),
        "outcome": line(step.outcome),
        "said": line(step.said),
    }


def _measurement(measurement: model.Measurement) -> doc.Measurement:
    return {
        "name": line(measurement.name),
        "value": _finite(measurement.value),
        "unit": line(measurement.unit),
        "target": None if measurement.target is None else line(measurement.target),
        "met": measurement.met,
        "rounds": [_finite(figure) for figure in measurement.rounds],
        "reference": None if measurement.reference is None else _finite(measurement.reference),
        "note": _or_none(measurement.note),
        "samples": [_finite(sample) for sample in measurement.samples],
    }


def _chronicle(chronicle: model.Chronicle) -> doc.Chronicle:
    return {"title": line(chronicle.title), "spans": [_span(span) for span in chronicle.spans]}


def _span(span: model.Span) -> doc.Span:
    end = None if span.end is None else _instant(span.end)
    return {"lane": line(span.lane), "label": line(span.label), "start": _instant(span.start), "end": end}


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _service(info: model.ServiceInfo) -> doc.Service:
    return {"version": line(info.version), "backend": line(info.backend), "ready_s": _finite(info.ready_s)}


def _answer(answer: model.AnswerFile, root: Path) -> doc.Answer:
    return {"path": line(answer.path), "sha256": answer.sha256, "origin": within(root, answer.origin)}


def _fact(value: str | int | float) -> str | int | float | None:
    return line(value) if isinstance(value, str) else _finite(value)


def _finite(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None


def _or_none(text: str | None) -> str | None:
    return None if text is None else plain(text)
