"""labkit report, hint: where a student stands, and what leads on."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_labkit.cli.exit_codes import NOT_YET
from pytest_labkit.cli.project import lab_called, project_root
from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.host import settings

if TYPE_CHECKING:
    from pytest_labkit.domain.model import Criterion, Lab


@click.command()
@click.argument("lab", required=False)
def report(lab: str | None) -> None:
    """
    Show the last report of a lab, and where its page is.

    Of a run that was killed it is made first, from what that run had written down. Exit code 1 if the lab
    is not passed.
    """
    from pytest_labkit.report import read, text
    from pytest_labkit.report.plain import speakable
    from pytest_labkit.runs import commands, recovery

    chosen = settings.resolve(project_root())
    for line in recovery.recover(chosen):
        click.echo(line)
    if lab is None:
        _propose("Of which lab?", [(f"labkit report {one.id}", one.title) for one in _labs(chosen.root)])
        return
    found = lab_called(chosen.root, lab)
    place = chosen.report / found.id
    if not (place / "report.json").is_file():
        raise UsageProblem(
            f"{found.id} has no report yet: run it first.", commands.check(found.folder, chosen)
        )
    document = read(place / "report.json")
    columns = shutil.get_terminal_size().columns
    shown = text.render(document, width=columns, colour=True, where=str(place / "report.html"))
    click.echo(speakable(shown, sys.stdout.encoding))
    if not document.passed:
        click.get_current_context().exit(NOT_YET)


@click.command()
@click.argument("lab", required=False)
@click.argument("criterion", required=False)
@click.option("--step", type=click.IntRange(1), default=1, show_default=True, help="How much to give away.")
def hint(lab: str | None, criterion: str | None, step: int) -> None:
    """Show hints on a criterion, such as `labkit hint lab3 A2`: a question first, almost the answer last."""
    root = project_root()
    if lab is None:
        _propose("On which criterion?", [_hint_on(one) for one in _labs(root)])
        return
    found = lab_called(root, lab)
    known = {c.id: c for c in (*found.criteria, *found.challenges)}
    if criterion is None:
        _propose("On which criterion?", [(f"labkit hint {found.id} {c.id}", c.title) for c in known.values()])
        return
    wanted = known.get(criterion.upper())
    if wanted is None:
        raise UsageProblem(
            f"{found.id} has no criterion {criterion!r}.",
            f"Its criteria are {', '.join(known)}.",
        )
    _show_hints(found, wanted, step)


def _show_hints(lab: Lab, criterion: Criterion, step: int) -> None:
    from pytest_labkit.course import hints, promises

    given = hints.read(lab).get(criterion.id, ())
    click.echo(f"{criterion.id} · {criterion.title}")
    if criterion.look_at:
        click.echo(f"look at labs/{lab.folder.name}/{criterion.look_at}")
    for number, text in enumerate(given[:step], 1):
        click.echo(f"\n{number}. {text}")
    promised = [promise for promise in promises.read(lab) if promise.criterion == criterion.id]
    if promised:
        click.echo(f"\nPromised, line by line, in {promised[0].at.rpartition(':')[0]}:")
    for promise in promised:
        click.echo(f"{promise.at.rpartition(':')[2]:>5}  {promise.id} {promise.text}")
    if step < len(given):
        click.echo(f"\nMore: labkit hint {lab.id} {criterion.id} --step {step + 1}")


def _labs(root: Path) -> list[Lab]:
    """The labs of the project at *root*, at least one."""
    from pytest_labkit.course import manifest

    if not (labs := manifest.find(root)):
        raise UsageProblem(f"There are no labs below {root}: go to your course.")
    return labs


def _hint_on(lab: Lab) -> tuple[str, str]:
    """The command for the criterion that the last run of *lab* left open, else for the lab's first."""
    from pytest_labkit.report import read

    left = lab.criteria[0]
    with suppress(UsageProblem):
        document = read(settings.resolve(project_root()).report / lab.id / "report.json")
        open_ = [c.id for c in document.criteria if c.verdict in ("failed", "error", "todo", "blocked")]
        left = next((c for c in lab.criteria if c.id in open_[:1]), left)
    return f"labkit hint {lab.id} {left.id}", left.title


def _propose(question: str, commands: Sequence[tuple[str, str]]) -> None:
    """Ask *question*, and show the commands that answer it, each with what it is about."""
    width = max(len(command) for command, _ in commands)
    click.echo(f"{question} Type one of these:")
    for command, about in commands:
        click.echo(f"  {command:<{width}}  {about}")
