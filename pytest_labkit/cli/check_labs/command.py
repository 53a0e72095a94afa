"""labkit check-labs, for authors of labs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_labkit.cli.exit_codes import NOT_YET
from pytest_labkit.cli.project import lab_called, meant, project_root
from pytest_labkit.cli.shown import mark
from pytest_labkit.domain.errors import KitError, UsageProblem
from pytest_labkit.host import settings
from pytest_labkit.host.interrupts import interruptible

if TYPE_CHECKING:
    from pytest_labkit.domain.model import Lab

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.command(
    "check-labs",
    epilog="""\b
Examples:
  labkit check-labs --static         read the files only, in a second
  labkit check-labs lab3 --fast      nothing timed, and for a mutant the test that it names
  labkit check-labs lab3 --only A4_single_page    one mutant (or a design, stubs, solution)
  labkit check-labs --show A4_single_page         how it differs from the right answer that it is made of
  labkit check-labs -j 4             all labs, whole, four runs at a time""",
)
@click.argument("lab", required=False)
@click.option("--write", is_flag=True, help="Bring the tables of criteria in the READMEs up to date.")
@click.option("--static", is_flag=True, help="Read the files, and run nothing.")
@click.option(
    "--fast",
    is_flag=True,
    help="Nothing timed, of designs only those that mutants are made of, of a mutant only the test it names.",
)
@click.option("--only", metavar="ID", help="Run one: a mutant, a design, stubs or solution.")
@click.option("--show", metavar="ID", help="Print how a mutant differs from its base, and run nothing.")
@click.option(
    "-j",
    "at_once",
    type=click.IntRange(1),
    help="Runs at a time: 2, or with --fast, when nothing is timed, 3 if left out.",
)
@click.option(
    "--backend", type=click.Choice(["auto", "docker", "local", "external"]), help="Where services come from."
)
def check_labs(
    lab: str | None,
    write: bool,
    static: bool,
    fast: bool,
    only: str | None,
    show: str | None,
    at_once: int | None,
    backend: str | None,
) -> None:
    """
    For authors: say what is wrong with the labs of this project.

    Every criterion has tests, points, three hints, a place in the README; every stub is todo; every model
    answer and every other right design passes; every mutant, a right answer changed in one thing, is caught
    by its criterion, for the reason that it states, and by no other. What can be read in the files comes
    first; then the runs are made.

    Exit code 1 if something is wrong with a lab, 20 if a run proved nothing.
    """
    from pytest_labkit.cli.check_labs import linter
    from pytest_labkit.course import manifest, promises
    from pytest_labkit.course.testfiles import unpromised

    root = project_root()
    labs = [lab_called(root, lab)] if lab else manifest.find(root)
    if not labs:
        raise UsageProblem(f"There are no labs below {root}.")
    for one in labs if write else ():
        linter.write_table(one)
    if show:  # of a mutant whose text is found, whatever else is wrong
        _show(show, labs, root)
        return
    _complain([problem for one in labs for problem in linter.problems(one, root)])
    for test in [test for one in labs if promises.read(one) for test in unpromised(one)]:
        click.echo(f"{test} names no promise: @pytest.mark.promise(…)", err=True)
    names = ", ".join(one.id for one in labs)
    if static:
        click.echo(f"{mark(True)} {names}: nothing is missing")
    else:
        _prove(labs, root, fast, only, backend, at_once or (3 if fast else 2))
        click.echo(f"{mark(True)} {only or names}: proven")


def _show(id_: str, labs: Sequence[Lab], root: Path) -> None:
    from pytest_labkit.cli.check_labs.plan import diff
    from pytest_labkit.course.mutants import mutants

    known = {mutant.id: (mutant, lab) for lab in labs for mutant in mutants(lab, root / "solutions")}
    if id_ not in known:
        raise UsageProblem(f"There is no mutant {id_!r}.{meant(id_, known)}")
    mutant, lab = known[id_]
    click.echo(f"{mutant.where}: {mutant.why}")
    for line in diff(mutant, lab):
        click.secho(line, fg=_COLOURS.get(line[:1]))


def _prove(
    labs: Sequence[Lab], root: Path, fast: bool, only: str | None, backend: str | None, at_once: int
) -> None:
    from pytest_labkit.cli.check_labs import prove
    from pytest_labkit.cli.check_labs.plan import Proof, chosen

    settled = settings.resolve(root, options={"backend": backend})
    planned = chosen([Proof(lab, root, fast) for lab in labs], only)
    with interruptible(click.echo):
        proven = [
            prove.prove(proof, plan, settled, at_once=at_once, say=click.echo) for proof, plan in planned
        ]
    for checked in proven if only is None else ():
        table = "\n".join(prove.table(checked, root))
        click.echo(f"\n{checked.lab.id}: {checked.lab.title}\n{table}\n")
    told = [complaint for checked in proven for complaint in checked.complaints]
    if any(checked.broken for checked in proven):
        raise KitError("\n".join(told), "Run: labkit doctor, then labkit check-labs again.")
    _complain(told)


def _complain(problems: Sequence[str]) -> None:
    """Say *problems* and end the command, if there are any."""
    for problem in problems:
        click.echo(f"{mark(False)} {problem}")
    if problems:
        click.get_current_context().exit(NOT_YET)
