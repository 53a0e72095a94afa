"""The command `labkit`: its group, and what an error of a user's looks like."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from pytest_labkit import __version__
from pytest_labkit.cli import learning, pages, services
from pytest_labkit.cli.check_labs.command import check_labs
from pytest_labkit.cli.exit_codes import BROKE, INTERRUPTED, USAGE
from pytest_labkit.domain.errors import KitError, LabkitError
from pytest_labkit.host.proxies import past_proxies


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
    context.call_on_close(past_proxies(os.environ))
    if os.environ.get("NO_COLOR"):
        context.color = False


COMMANDS = (
    services.up,
    services.down,
    services.status,
    services.doctor,
    learning.report,
    learning.hint,
    pages.dashboard,
    pages.simulator,
    check_labs,
)
for command in COMMANDS:
    cli.add_command(command)


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
