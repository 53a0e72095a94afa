"""labkit report, hint: where a student stands, and what leads on."""

from __future__ import annotations

import shutil
import sys

import click

from pytest_labkit.cli.exit_codes import NOT_YET
from pytest_labkit.cli.project import lab_called, project_root
from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.host import settings


@click.command()
@click.argument("lab")
def report(lab: str) -> None:
    """
    Show the last report of a lab, and where its page is.

    Of a run that was killed it is made first, from what that run had written down. Exit code 1 if the lab
    is not passed.
    """
    from pytest_labkit.report import read, text
    from pytest_labkit.report.plain import speakable
    from pytest_labkit.runs import recovery

    chosen = settings.resolve(project_root())
    for line in recovery.recover(chosen):
        click.echo(line)
    place = chosen.report / lab_called(chosen.root, lab).id
    document = read(place / "report.json")
    columns = shutil.get_terminal_size().columns
    shown = text.render(document, width=columns, colour=True, where=str(place / "report.html"))
    click.echo(speakable(shown, sys.stdout.encoding))
    if not document.passed:
        click.get_current_context().exit(NOT_YET)


@click.command()
@click.argument("lab")
@click.argument("criterion")
@click.option("--step", type=click.IntRange(1), default=1, show_default=True, help="How much to give away.")
def hint(lab: str, criterion: str, step: int) -> None:
    """Show hints on a criterion, such as `labkit hint lab3 A2`: a question first, almost the answer last."""
    from pytest_labkit.course import promises

    found = lab_called(project_root(), lab)
    known = {c.id: c for c in (*found.criteria, *found.challenges)}
    wanted = known.get(criterion.upper())
    if wanted is None:
        raise UsageProblem(
            f"{found.id} has no criterion {criterion!r}.",
            f"Its criteria are {', '.join(known)}.",
        )
    click.echo(f"{wanted.id} · {wanted.title}")
    if wanted.look_at:
        click.echo(f"look at labs/{found.folder.name}/{wanted.look_at}")
    for number, text in enumerate(wanted.hints[:step], 1):
        click.echo(f"\n{number}. {text}")
    promised = [promise for promise in promises.read(found) if promise.criterion == wanted.id]
    if promised:
        click.echo(f"\nPromised, line by line, in {promised[0].at.rpartition(':')[0]}:")
    for promise in promised:
        click.echo(f"{promise.at.rpartition(':')[2]:>5}  {promise.id} {promise.text}")
    if step < len(wanted.hints):
        click.echo(f"\nMore: labkit hint {found.id} {wanted.id} --step {step + 1}")
