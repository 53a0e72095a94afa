"""
The report as GitHub-flavoured Markdown: a job summary, a comment on a pull request.

Texts of others stand in fences, or on one line with everything escaped that Markdown or HTML would
read. The whole stays below 60 KB, far within what GitHub takes (1 MiB for a job summary, 65,536
characters for a comment).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pytest_labkit.report import timeline, wording
from pytest_labkit.report.document import Criterion, Document
from pytest_labkit.report.plain import line, shorten

MOST_BYTES = 60_000
_MOST_ROWS = 100
_THE_REST = "\nThe rest is in `report.html`.\n"
_MARKUP = re.compile(r"[\\`*_\[\]|~$]")  # what means something in the middle of a line


def render(document: Document) -> str:
    """Markdown, at most `MOST_BYTES` of it: long texts are cut first, then the last details left out."""
    for most in (4_000, 1_000, 300):
        text = "\n".join(_blocks(document, most))
        if len(text.encode()) <= MOST_BYTES:
            return text
    return _as_much_as_fits(_blocks(document, 300))


def _as_much_as_fits(blocks: Iterator[str]) -> str:
    """Whole blocks only, so that no fence or table is left open."""
    kept: list[str] = []
    room = MOST_BYTES - len(_THE_REST.encode())
    for block in blocks:
        room -= len(block.encode()) + 1
        if room < 0:
            return "\n".join([*kept, _THE_REST])
        kept.append(block)
    return "\n".join(kept)


def _blocks(document: Document, most: int) -> Iterator[str]:
    """Pieces that can each stand alone, the most important first; texts are cut to *most* characters."""
    title = escaped(f"{wording.lab_name(document)} · {document.lab.title}", 200)
    yield f"## {title}\n"
    yield f"**{wording.points(document)}** · {wording.tally(document)}\n\n{wording.outcome(document)}\n"
    if document.next_step:
        yield f"**Next:** {escaped(document.next_step, 500)}\n"
    yield from (f"> **Note:** {escaped(note, 500)}\n" for note in document.notes[:20])
    yield _table(document.criteria)
    for criterion in document.criteria:
        yield from _details(criterion, most)
    if document.challenges:
        yield f"### Challenges\n\n{_table(document.challenges)}"
        for challenge in document.challenges:
            yield from _details(challenge, most)
    yield _run(document)


def _table(criteria: Sequence[Criterion]) -> str:
    rows = ["| | Criterion | Verdict | Points | Measured |", "|---|---|---|---:|---|"]
    rows += [_row(criterion) for criterion in criteria[:_MOST_ROWS]]
    if len(criteria) > _MOST_ROWS:
        rows.append(f"| | … and {len(criteria) - _MOST_ROWS} more | | | |")
    return "\n".join(rows) + "\n"


def _row(criterion: Criterion) -> str:
    verdict, points = criterion.verdict, criterion.points
    figures = " · ".join(wording.measured(measurement) for measurement in criterion.measurements)
    optional = "" if criterion.required else " (optional)"
    cells = [
        wording.GLYPHS[verdict],
        f"{escaped(criterion.id, 20)} {escaped(criterion.title, 120)}{optional}",
        verdict,
        f"{points.earned}/{points.possible}",
        escaped(figures, 200),
    ]
    return f"| {' | '.join(cells)} |"


def _details(criterion: Criterion, most: int) -> Iterator[str]:
    texts = timeline.texts(criterion)
    if criterion.verdict == "passed" or not texts:
        return
    title = f"{escaped(criterion.id, 20)} {escaped(criterion.title, 120)}"
    told = [f"{label}\n\n{fenced(shorten(text, most))}" for label, text in texts]
    yield f"### {wording.GLYPHS[criterion.verdict]} {title}\n\n" + "\n\n".join(told) + "\n"


def _run(document: Document) -> str:
    services = [
        f"{name} {service.version} ({service.backend})" for name, service in document.services.items()
    ]
    facts = [
        f"kit {document.kit_version}",
        f"door {document.door}",
        f"seed {document.seed}",
        f"started {wording.instant(document.started_at)}",
        wording.seconds(document.duration_s),
        *services,
    ]
    ignored = [f"not used: {', '.join(document.ignored)}"] if document.ignored else []
    return "\n\n".join(escaped(text, 1000) for text in (" · ".join(facts), *ignored)) + "\n"


def escaped(text: str, most: int) -> str:
    """
    *text* on one line, at most about *most* characters, that Markdown shows as it stands.

    A zero-width space keeps GitHub from making mentions, references and links of it, which it does
    when the escapes are gone already.
    """
    flat = line(shorten(text, most)).replace("&", "&amp;").replace("<", "&lt;")
    for linked in ("@", "#", ":/", "www"):
        flat = flat.replace(linked, f"{linked}\u200b")
    return _MARKUP.sub(r"\\\g<0>", flat)


def fenced(text: str) -> str:
    """*text* in a code fence that is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
