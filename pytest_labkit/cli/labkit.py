"""The command `labkit`: services that outlive a run, a look at the machine, hints."""

from __future__ import annotations

import difflib
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_labkit import __version__
from pytest_labkit.domain.errors import KitError, LabkitError, UsageProblem
from pytest_labkit.host import settings

if TYPE_CHECKING:
    from pytest_labkit.domain.model import Lab
    from pytest_labkit.services import Endpoint
    from pytest_labkit.systems import Health

# The exit codes of a run, kept to by every command.
NOT_YET, INTERRUPTED, USAGE, BROKE = 1, 2, 4, 20


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  labkit up lab3            start what lab3 needs, and keep it for the next runs
  pytest labs/lab3          check your answers; uses what runs already
  labkit hint lab3 A2       a question that leads on; --step 2 and 3 say more
  labkit report lab3        what the last run came to, also of one that was killed
  labkit doctor             is something missing on this machine?
  labkit down               stop what was kept

Exit codes: 0 done, 1 not yet, 4 wrong usage, 20 the kit or a service broke.""",
)
@click.version_option(__version__, prog_name="labkit")
@click.pass_context
def cli(context: click.Context) -> None:
    """Labs in distributed systems, on real Kafka, DynamoDB and Redis."""
    if os.environ.get("NO_COLOR"):
        context.color = False


@cli.command(
    epilog="""\b
Examples:
  labkit up                      Kafka, DynamoDB and Redis
  labkit up lab3                 those that lab3 needs
  labkit up lab2 --brokers 3     with a Kafka cluster of three
  labkit up lab4 --chaos         with the lab's own programs, and links between them to put faults on"""
)
@click.argument("lab", required=False)
@click.option(
    "--brokers", type=click.IntRange(1, 9), help="How many Kafka brokers.  [default: the lab's, or 1]"
)
@click.option(
    "--backend",
    type=click.Choice(["auto", "docker", "local"]),
    help="Where they run: in containers, as processes, or docker if it can be used, else local.",
)
@click.option("--chaos", is_flag=True, help="Start the lab's own programs too, each way between them a link.")
def up(lab: str | None, brokers: int | None, backend: str | None, chaos: bool) -> None:
    """Start services that outlive a run; the next runs in this checkout use them."""
    from pytest_labkit import services, systems

    if chaos and not lab:
        raise UsageProblem(
            "--chaos needs a lab: its programs are what is started.", "Such as: labkit up lab4"
        )
    chosen = settings.resolve(project_root(), options={"backend": backend})
    wanted = _lab(chosen.root, lab) if lab else None
    plan = systems.read(wanted) if wanted and chaos else None
    names = (plan or wanted).services if wanted else services.NAMES
    if not names and plan is None:
        click.echo(f"{lab} needs no service.")
        return
    count = brokers or (wanted.brokers if wanted else 1)
    endpoints = services.up(chosen, names, brokers=count, say=_say)
    for endpoint in endpoints:
        click.echo(f"{_mark(True)} {_described(endpoint)}")
    if wanted and plan:
        endpoints.append(systems.up(wanted, plan, endpoints, chosen, say=_say).running.endpoint)
        _show_programs(systems.status(chosen))
    click.echo("\nThe runs in this checkout use them now. For programs of your own:")
    click.echo(
        "".join(f"  export {name}={value}\n" for e in endpoints for name, value in e.env.items()), nl=False
    )
    click.echo("Stop them with: labkit down")


@cli.command()
def down() -> None:
    """Stop the services that labkit up started in this checkout."""
    from pytest_labkit import services, systems

    chosen = settings.resolve(project_root())
    programs = systems.down(chosen, say=_say)
    if not services.down(chosen, say=_say) and not programs:
        click.echo("Nothing was kept here.")


@cli.command()
def status() -> None:
    """
    Show the services that labkit up keeps, each tried with a round trip now.

    Exit code 20 if one of them does not work.
    """
    from pytest_labkit import services, systems

    chosen = settings.resolve(project_root())
    kept, programs = services.status(chosen), systems.status(chosen)
    for service in kept:
        click.echo(f"{_mark(service.works)} {_described(service.endpoint)}")
        for line in () if service.works else ("does not answer; the end of its log:", *service.log_tail):
            click.echo(f"    {line}")
    _show_programs(programs)
    if not kept and not programs:
        click.echo("Nothing is kept here. Start services with: labkit up")
    elif not (all(service.works for service in kept) and all(program.works for program in programs)):
        raise KitError("A service does not work.", "Run: labkit up, which starts it anew.")


@cli.command(
    epilog="""\b
Examples:
  labkit dashboard               at http://127.0.0.1:8765/health, opened in your browser
  labkit dashboard --port 0      on any port that is free
  labkit dashboard --no-open     only says where it is"""
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0: any that is free."
)
@click.option(
    "--open/--no-open", "open_browser", default=True, help="Open it in your browser.  [default: --open]"
)
def dashboard(port: int, open_browser: bool) -> None:
    """
    Show the programs that labkit up LAB --chaos keeps, live: what works, breakers, rates, alerts.

    Ctrl-C ends it; what it shows goes on.
    """
    import asyncio

    try:
        from pytest_labkit.dashboard import server
    except ModuleNotFoundError as missing:
        raise KitError(
            f"{missing.name} is not installed.", "Run: pip install 'pytest-labkit[labs]'"
        ) from None
    from pytest_labkit.systems import kept

    chosen = settings.resolve(project_root())
    subject = server.Subject(kept.book(chosen), chosen)
    asyncio.run(server.serve(subject, port, click.echo, open_browser=open_browser))


@cli.command()
def doctor() -> None:
    """
    Look at what the services need: Java, Redis, Docker, downloads, disk, memory, ports.

    Exit code 20 if without something no service can be had.
    """
    from pytest_labkit.services.doctor import doctor as look

    checks = look(settings.resolve(project_root()))
    width = max(len(check.name) for check in checks)
    for check in checks:
        click.echo(f"{_mark(check.ok)} {check.name:<{width}}  {check.found}")
        if not check.ok and check.advice:
            click.echo(f"  {'':<{width}}  {check.advice}")
    if any(check.needed and not check.ok for check in checks):
        raise KitError(
            "Services cannot be had on this machine as it is.", "Do what stands beside the ✗ above."
        )
    click.echo("\nServices can be had on this machine.")


@cli.command()
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
    place = chosen.report / _lab(chosen.root, lab).id
    document = read(place / "report.json")
    columns = shutil.get_terminal_size().columns
    shown = text.show(document, width=columns, colour=True, where=str(place / "report.html"))
    click.echo(speakable(shown, sys.stdout.encoding))
    if not document["passed"]:
        click.get_current_context().exit(NOT_YET)


@cli.command()
@click.argument("lab")
@click.argument("criterion")
@click.option("--step", type=click.IntRange(1), default=1, show_default=True, help="How much to give away.")
def hint(lab: str, criterion: str, step: int) -> None:
    """Show hints on a criterion, such as `labkit hint lab3 A2`: a question first, almost the answer last."""
    found = _lab(project_root(), lab)
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
    if step < len(wanted.hints):
        click.echo(f"\nMore: labkit hint {found.id} {wanted.id} --step {step + 1}")


@cli.command(
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
    labs = [_lab(root, lab)] if lab else manifest.find(root)
    if not labs:
        raise UsageProblem(f"There are no labs below {root}.")
    for one in labs if write else ():
        linter.write_table(one)
    _complain([problem for one in labs for problem in linter.problems(one, root)])
    if static:
        click.echo(f"{_mark(True)} {', '.join(one.id for one in labs)}: nothing is missing")
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
    click.echo(f"{_mark(True)} {', '.join(one.id for one in labs)}: proven")


def _complain(problems: Sequence[str]) -> None:
    """Say *problems* and end the command, if there are any."""
    for problem in problems:
        click.echo(f"{_mark(False)} {problem}")
    if problems:
        click.get_current_context().exit(NOT_YET)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; ends the process with the exit code. No error of a user's shows a traceback."""
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: Sequence[str] | None) -> int:
    try:
        result = cli.main(arguments, prog_name="labkit", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message())
        return 0
    except click.ClickException as error:
        error.show()
        return USAGE
    except LabkitError as problem:
        return _told(problem)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nInterrupted.", err=True)
        return INTERRUPTED
    return result if isinstance(result, int) else 0


def _told(problem: LabkitError) -> int:
    click.echo(f"{click.style('Error:', fg='red')} {problem.what}", err=True, color=_colour())
    if problem.hint:
        click.echo(problem.hint, err=True)
    return BROKE if isinstance(problem, KitError) else USAGE


def _colour() -> bool | None:
    """False with NO_COLOR; otherwise click decides by the terminal."""
    return False if os.environ.get("NO_COLOR") else None


def project_root() -> Path:
    """The nearest folder upwards that holds labs, else one that holds a project, else the current one."""
    here = Path.cwd()
    for sign in ("labs/*/lab.toml", "pyproject.toml", "pytest.ini"):
        for folder in (here, *here.parents):
            if any(folder.glob(sign)):
                return folder
    return here


def _lab(root: Path, name: str) -> Lab:
    """The lab called *name* (`lab3`, or its folder `labs/lab3`) of the project at *root*."""
    from pytest_labkit.course import manifest

    folder = root / "labs" / Path(name).name
    if (folder / manifest.FILE).is_file():
        return manifest.read(folder, root)
    known = [lab.parent.name for lab in sorted(root.glob(f"labs/*/{manifest.FILE}"))]
    labs = (
        f"The labs are {', '.join(known)}."
        if known
        else f"There are no labs below {root}: go to your course."
    )
    raise UsageProblem(f"There is no lab {name!r}.{_meant(name, known)}", labs)


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]}?" if close else ""


def _described(endpoint: Endpoint) -> str:
    seconds = f", ready after {endpoint.ready_s:.1f} s" if endpoint.ready_s else ""
    return f"{endpoint.service} {endpoint.version} ({endpoint.backend}) at {endpoint.address}{seconds}"


def _show_programs(programs: Sequence[Health]) -> None:
    """A line for each program; below it what it cannot reach, or the end of its log if it does not answer."""
    for program in programs:
        click.echo(f"{_mark(program.works)} {program.name} at {program.url}")
        if not program.answers:
            click.echo("    does not answer; the end of its log:")
        for name in program.unreachable:
            click.echo(f"    cannot reach {name}")
        for line in program.log_tail:
            click.echo(f"    {line}")


def _mark(good: bool) -> str:
    return click.style("✓", fg="green") if good else click.style("✗", fg="red")


def _say(line: str) -> None:
    click.echo(line, err=True)
