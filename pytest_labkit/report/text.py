"""
The report in a terminal: one screen, whatever happened.

Every line has a rank. Where a screen is too small, the lines of the highest rank go first: the ends
of long texts, then the evidence of other criteria. Criteria that need no work share a line when
there are too many for one each.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import click
from rich.cells import cell_len, chop_cells, set_cell_size

from pytest_labkit.domain.model import Step, Verdict
from pytest_labkit.report import timeline, wording
from pytest_labkit.report.document import Criterion, Document

MOST_LINES = 18  # a screen of 25 with the lines of pytest itself: three of progress where a lab has 144 tests
_WIDEST = 100
_LONGEST_TEXT = 2_000  # more can never be shown
_DETAILS = 6  # columns that what belongs to a criterion stands to the right
_INDENT = " " * _DETAILS

_COLOURS = {
    "passed": "green",
    "failed": "red",
    "error": "red",
    "todo": "cyan",
    "blocked": "cyan",
    "unknown": "yellow",
}
# Which criterion is explained: what is wrong before what is not begun, in the order of the lab.
_NEEDS_WORK = ("failed error", "todo", "unknown", "blocked")
# Which verdicts share a line, from none to all, when a screen is too small for one line each.
_SHARING: tuple[frozenset[str], ...] = (
    frozenset(),
    frozenset({"passed", "todo", "blocked", "unknown"}),
    frozenset(Verdict),
)


@dataclass(frozen=True)
class Line:
    """A line, its rank (0 always stays), how much of its start is coloured, and if it goes on below."""

    text: str
    rank: int = 0
    painted: int = 0
    colour: str | None = None
    goes_on: bool = False


def render(document: Document, *, width: int, colour: bool, where: str | None = None) -> str:
    """
    The summary of a report: at most `MOST_LINES` lines of at most *width* (and 100) columns.

    *where* is what the last line names as the report. Without *colour* there is no ANSI sequence.
    """
    width = min(width, _WIDEST)
    lines = _fit(_screen(document, width, where))
    return "\n".join(_painted(line, width, colour) for line in lines)


def _screen(document: Document, width: int, where: str | None) -> list[Line]:
    """All lines there are to say, the criteria sharing as few of them as the screen needs."""
    lines: list[Line] = []
    for sharing in _SHARING:
        lines = [
            *_head(document, width),
            *_criteria(document, sharing, width),
            *_challenges(document, width),
            *_notes(document, width),
            *_foot(document, where, width),
        ]
        # What needs no work shares lines so that the rest can be told whole; what does, only if it must.
        needed = [line for line in lines if line.rank == 0 or not sharing]
        if len(needed) <= MOST_LINES:
            break
    return lines


def _head(document: Document, width: int) -> Iterator[Line]:
    name, title = _cropped(wording.lab_name(document), 20), document.lab.title
    tally, points = wording.tally(document), wording.points(document)
    text = f"{name}  {title}   {tally}   {points}"
    if cell_len(text) <= width:
        yield Line(text, painted=len(text), colour="bold")
    else:  # of all this the title is what a reader knows already
        room = max(width - cell_len(f"{name}     {points}"), 1)
        text = f"{name}  {_cropped(title, room)}   {points}"
        yield Line(text, painted=len(text), colour="bold")
        yield from _labelled("", tally, width, rank=0)
    if not document.passed and document.status != "complete":
        text = wording.outcome(document)
        for piece in _wrapped(text, width):
            yield Line(piece, painted=len(piece), colour="yellow")


def _criteria(document: Document, sharing: frozenset[str], width: int) -> Iterator[Line]:
    explained = _explained(document)
    told = _got(explained)
    for group in _groups(document.criteria, explained, sharing):
        if len(group) > 1 or wording.did_not_run(group[0]):
            yield _shared(group)
            yield from chain.from_iterable(_measured(criterion, width, named=True) for criterion in group)
            continue
        yield from _alone(group[0], explained, told, width)


def _alone(criterion: Criterion, explained: Criterion | None, told: str, width: int) -> Iterator[Line]:
    """A criterion on a line of its own; the one that is *explained*, with all that is known of it."""
    yield _row(criterion, width)
    yield from _measured(criterion, width, named=False)
    if criterion is explained:
        yield from _message(criterion, width)
    elif criterion.verdict in ("failed", "error") and _got(criterion) != told:
        yield Line(f"{_INDENT}got       {_got(criterion)}", rank=2)


def _got(criterion: Criterion | None) -> str:
    """The first line of what was got; the same one twice tells nothing more."""
    return _first_line(criterion.message.got) if criterion and criterion.message else ""


def _explained(document: Document) -> Criterion | None:
    """The first criterion that needs work, a challenge last; one that was only not selected does not."""
    for verdicts in _NEEDS_WORK:
        for criterion in (*document.criteria, *_begun(document)):
            if criterion.verdict in verdicts.split() and not wording.did_not_run(criterion):
                return criterion
    return None


def _begun(document: Document) -> list[Criterion]:
    """The challenges that somebody works on: a stub of one is told of only where nothing else was checked."""
    alone = all(map(wording.did_not_run, document.criteria))
    return [c for c in document.challenges if c.verdict != "todo" or alone]


def _groups(
    criteria: Sequence[Criterion], explained: Criterion | None, sharing: frozenset[str]
) -> list[list[Criterion]]:
    """Criteria line by line: those of a verdict in *sharing* on one line, the explained one on its own."""
    groups: dict[object, list[Criterion]] = {}
    for n, criterion in enumerate(criteria):
        shares = criterion.verdict in sharing or wording.did_not_run(criterion)
        shares = shares and criterion is not explained
        kind = (criterion.verdict, criterion.earlier and criterion.earlier.verdict)
        groups.setdefault(kind if shares else n, []).append(criterion)
    return list(groups.values())


def _row(criterion: Criterion, width: int) -> Line:
    """` ✓ passed   A1  Append and read back                     4/4`"""
    mark = _mark(criterion.verdict)
    possible = criterion.points.possible
    points = f"{criterion.points.earned}/{possible}" if possible else ""
    optional = "" if criterion.required else " (optional)"
    start = f"{mark} {_cropped(criterion.id, 12):<3} "
    title = criterion.title + optional
    room = max(width - cell_len(start) - len(points) - 2, 1)
    text = f"{start}{set_cell_size(_cropped(title, room), room)}  {points}"
    return Line(text, painted=len(mark), colour=_COLOURS[criterion.verdict])


def _shared(group: Sequence[Criterion]) -> Line:
    """` ✓ passed   A1 A2 A4`; what did not run, as it was in an earlier run."""
    first = group[0]
    verdict = first.earlier.verdict if first.earlier else first.verdict
    mark = _mark(verdict)
    ids = " ".join(_cropped(criterion.id, 12) for criterion in group)
    if first.earlier:
        return Line(f"{mark} {ids}: earlier", painted=len(mark), colour=_COLOURS[verdict])
    reasons = {criterion.message.got for criterion in group if criterion.message}
    why = f": {_first_line(*reasons)}" if group[0].verdict == "unknown" and len(reasons) == 1 else ""
    return Line(f"{mark} {ids}{why}", painted=len(mark), colour=_COLOURS[verdict])


def _mark(verdict: str) -> str:
    return f" {wording.GLYPHS[verdict]} {verdict:<8}"


def _measured(criterion: Criterion, width: int, *, named: bool) -> Iterator[Line]:
    """The figures, side by side where they fit, and how they were judged if not by the target alone."""
    if not criterion.measurements:
        return
    start = _INDENT + (f"{criterion.id} " if named else "")
    figures = [wording.measured(measurement) for measurement in criterion.measurements]
    for n, line in enumerate(_side_by_side(figures, max(width - len(start), 1))):
        yield Line((start if n == 0 else " " * len(start)) + line, rank=1)
    for note in [m.note for m in criterion.measurements if m.note]:
        yield from _labelled(" " * _DETAILS, note, width, first=1, rank=2)


def _side_by_side(figures: Sequence[str], width: int) -> Iterator[str]:
    """*figures* in lines of at most *width* columns; one that is longer than a line goes on in the next."""
    line = ""
    for figure in figures:
        joined = f"{line} · {figure}" if line else figure
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            yield line
        *whole, line = _wrapped(figure, width)
        yield from whole
    yield line


def _message(criterion: Criterion, width: int) -> Iterator[Line]:
    for label, text in wording.told(criterion):
        if label == wording.PRINTED:
            yield from _printed(text, width)
            continue
        # What was got, and the operations that show it, are worth more lines than the rest.
        # The promise is worth least: the page and a hint say it as well.
        rank = {"got": 3, "promise": 6}.get(label, 4)
        first = 6 if label == "promise" else 0
        yield from _labelled(f"{_INDENT}{label:<9} ", text, width, first=first, rank=rank)
        if label == "got" and criterion.message:
            yield from _timeline(criterion.message.timeline, width)


def _printed(text: str, width: int) -> Iterator[Line]:
    """What was printed: where there is no room for all of it, the end."""
    lines = _wrapped(text, max(width - _DETAILS - 2, 1))
    label = f"{_INDENT}{wording.PRINTED}"
    yield Line(label, rank=2, painted=len(label), colour="dim")
    for n, line in enumerate(lines):
        yield Line(f"{_INDENT}  {line}", rank=2 + len(lines) - 1 - n)


def _timeline(steps: Sequence[Step], width: int) -> Iterator[Line]:
    """The drawing, none of whose lines is worth anything without the others."""
    label = f"{_INDENT}{'timeline':<9} "
    for n, drawn in enumerate(timeline.text(steps, width - len(label))):
        start = label if n == 0 else " " * len(label)
        yield Line(start + drawn, rank=3, painted=len(start), colour="dim")


def _challenges(document: Document, width: int) -> Iterator[Line]:
    """A challenge that fails is told as a criterion is; others, and what says the same, share a line."""
    explained = _explained(document)
    told = _got(explained)
    ids = []
    for challenge in document.challenges:
        says_more = challenge.verdict in ("failed", "error") and _got(challenge) != told
        if challenge is explained or says_more:
            yield from _alone(challenge, explained, told, width)
        elif challenge.earlier:
            before = challenge.earlier.verdict
            ids.append(f"{wording.GLYPHS[before]} {challenge.id} {before} earlier")
        elif not wording.did_not_run(challenge):
            ids.append(f"{wording.GLYPHS[challenge.verdict]} {challenge.id} {challenge.verdict}")
    if ids:
        yield Line(f" challenges  {' · '.join(ids)}", rank=1)


def _notes(document: Document, width: int) -> Iterator[Line]:
    """The notes, without what stands above: what was got, and what is to be done about it."""
    explained = _explained(document)
    message = explained.message if explained else None
    got, perhaps = (message.got, message.perhaps) if message else ("", None)
    unsaid = (_beyond(got, note) for note in document.notes if note != wording.DIRECT)
    notes = [note for note in unsaid if note and note != perhaps]
    for n, note in enumerate(notes[:MOST_LINES]):
        yield from _labelled("note: ", note, width, first=0 if n == 0 else 1, rank=2)


def _beyond(told: str, note: str) -> str:
    """What *note* says after *told*, if it begins with that; else all of it."""
    rest = note.removeprefix(told)
    return rest.strip() if not rest or rest[0].isspace() else note


def _foot(document: Document, where: str | None, width: int) -> Iterator[Line]:
    if document.next_step:
        step = document.next_step
        if cell_len(step) > width - 6:  # a command that goes on in the next line cannot be copied
            step = step.replace(", then: ", ",\nthen: ").replace("; a hint: ", ";\na hint: ")
        yield from list(_labelled("next: ", step, width, rank=1))[:3]
    if where is not None:
        yield Line("report: " + _tail(where, width - 8), painted=7, colour="dim")


def _labelled(label: str, text: str, width: int, *, first: int = 0, rank: int) -> Iterator[Line]:
    """*text* wrapped beside *label*; the first line has the rank *first*, the ones below *rank* and up."""
    wrapped = _wrapped(text, max(width - len(label), 1))
    for n, piece in enumerate(wrapped):
        yield Line(
            (label if n == 0 else " " * len(label)) + piece,
            rank=first if n == 0 else rank + n,
            painted=len(label) if n == 0 else 0,
            colour="dim",
            goes_on=n < len(wrapped) - 1,
        )


def _wrapped(text: str, width: int) -> list[str]:
    """*text* in lines of at most *width* columns; its own line breaks stay, since it may be a drawing."""
    lines = text[:_LONGEST_TEXT].expandtabs(4).strip("\n").split("\n")
    wrapped = chain.from_iterable(
        textwrap.wrap(line, width, replace_whitespace=False, break_on_hyphens=False) for line in lines
    )
    return [piece for line in wrapped for piece in chop_cells(line, width)]


def _fit(lines: Sequence[Line]) -> list[Line]:
    """The `MOST_LINES` lines of the lowest ranks, in their order; a text that is cut short says so."""
    ranked = sorted(range(len(lines)), key=lambda n: (lines[n].rank, n))
    kept = set(ranked[:MOST_LINES])
    return [
        replace(line, text=f"{line.text} …") if line.goes_on and n + 1 not in kept else line
        for n, line in enumerate(lines)
        if n in kept
    ]


def _painted(line: Line, width: int, colour: bool) -> str:
    text = _cropped(line.text, width).rstrip()
    if not colour or not line.colour:
        return text
    style = {line.colour: True} if line.colour in ("bold", "dim") else {"fg": line.colour}
    return click.style(text[: line.painted], **style) + text[line.painted :]


def _cropped(text: str, width: int) -> str:
    """*text* in at most *width* columns; one that loses something ends in `…`."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(width - 1, 0)).rstrip() + "…" if width > 0 else ""


def _tail(text: str, width: int) -> str:
    """The end of *text* in at most *width* columns: of a path, the end is what tells."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) > width - 1:
        text = text[1:]
    return f"…{text}" if width > 0 else ""


def _first_line(text: str) -> str:
    return text[:_LONGEST_TEXT].strip().partition("\n")[0].expandtabs(4)
