"""labkit check-labs, for authors of labs."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pytest_labkit.cli.exit_codes import NOT_YET
from pytest_labkit.cli.project import lab_called, project_root
from pytest_labkit.cli.shown import mark
from pytest_labkit.domain.errors import KitError, UsageProblem
from pytest_labkit.host import settings


@click.command(
    "check-labs",
    epilog="""\b
Examples:
  labkit check-labs --static         read the files only, in a second
  labkit check-labs lab3 --fast      nothing timed, and for a planted bug the test that it names
  labkit check-labs -j 4             all labs, whole, four runs at a time""",
)
@click.argument("lab", required=False)
@click.option("--write", is_flag=True, help="Bring the tables of criteria in the READMEs up to date.")
@click.option("--static", is_flag=True, help="Read the files, and run nothing.")
@click.option("--fast", is_flag=True, help="Run nothing timed, and of a planted bug only the test it names.")
@click.option("-j", "at_once", type=click.IntRange(1), default=2, show_default=True, help="Runs at a time.")
@click.option(
    "--backend", type=click.Choice(["auto", "docker", "local", "external"]), help="Where services come from."
)
def check_labs(
    lab: str | None, write: bool, static: bool, fast: bool, at_once: int, backend: str | None
) -> None:
    """
    For authors: say what is wrong with the labs of this project.

    Every criterion has tests, points, three hints, a place in the README; every stub is todo; every model
    answer passes; every planted bug is caught by its criterion, for the reason that it states, and by no
    other. What can be read in the files comes first; then the runs are made.

    Exit code 1 if something is wrong with a lab, 20 if a run proved nothing.
    """
    from pytest_labkit.cli.check_labs import linter, prove
    from pytest_labkit.cli.check_labs.trials import Proof
    from pytest_labkit.course import manifest

    root = project_root()
    labs = [lab_called(root, lab)] if lab else manifest.find(root)
    if not labs:
        raise UsageProblem(f"There are no labs below {root}.")
    for one in labs if write else ():
        linter.write_table(one)
    _complain([problem for one in labs for problem in linter.problems(one, root)])
    if static:
        click.echo(f"{mark(True)} {', '.join(one.id for one in labs)}: nothing is missing")
        return
    chosen = settings.resolve(root, options={"backend": backend})
    proven = [prove.prove(Proof(one, root, fast), chosen, at_once=at_once, say=click.echo) for one in labs]
    for checked in proven:
        table = "\n".join(prove.table(checked, root))
        click.echo(f"\n{checked.lab.id}: {checked.lab.title}\n{table}\n")
    told = [complaint for checked in proven for complaint in checked.complaints]
    if any(checked.broken for checked in proven):
        raise KitError("\n".join(told), "Run: labkit doctor, then labkit check-labs again.")
    _complain(told)
    click.echo(f"{mark(True)} {', '.join(one.id for one in labs)}: proven")


def _complain(problems: Sequence[str]) -> None:
    """Say *problems* and end the command, if there are any."""
    for problem in problems:
        click.echo(f"{mark(False)} {problem}")
    if problems:
        click.get_current_context().exit(NOT_YET)
