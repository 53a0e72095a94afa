"""labkit up, down, status, doctor: services that outlive a run, and what the machine lacks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pytest_labkit.cli.project import lab_called, project_root
from pytest_labkit.cli.shown import mark, say
from pytest_labkit.domain.errors import KitError, UsageProblem
from pytest_labkit.host import settings

if TYPE_CHECKING:
    from pytest_labkit.domain.model import Lab
    from pytest_labkit.services import Endpoint
    from pytest_labkit.systems import Health


@click.command(
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
    wanted = lab_called(chosen.root, lab) if lab else None
    plan = systems.read(wanted) if wanted and chaos else None
    names = _used_by(wanted) if wanted else services.NAMES
    if not names and plan is None:
        click.echo(f"{lab} needs no service.")
        return
    count = brokers or (wanted.brokers if wanted else 1)
    endpoints = services.up(chosen, names, brokers=count, say=say)
    for endpoint in endpoints:
        click.echo(f"{mark(True)} {_described(endpoint)}")
    if wanted and plan:
        endpoints.append(systems.up(wanted, plan, endpoints, chosen, say=say).running.endpoint)
        _show_programs(systems.status(chosen))
    click.echo("\nThe runs in this checkout use them now. For programs of your own:")
    click.echo(
        "".join(f"  export {name}={value}\n" for e in endpoints for name, value in e.env.items()), nl=False
    )
    click.echo("Stop them with: labkit down")


@click.command()
def down() -> None:
    """Stop the services that labkit up started in this checkout."""
    from pytest_labkit import services, systems

    chosen = settings.resolve(project_root())
    programs = systems.down(chosen, say=say)
    if not services.down(chosen, say=say) and not programs:
        click.echo("Nothing was kept here.")


@click.command()
def status() -> None:
    """
    Show the services that labkit up keeps, each tried with a round trip now.

    Exit code 20 if one of them does not work.
    """
    from pytest_labkit import services, systems

    chosen = settings.resolve(project_root())
    kept, programs = services.status(chosen), systems.status(chosen)
    for service in kept:
        click.echo(f"{mark(service.works)} {_described(service.endpoint)}")
        for line in () if service.works else ("does not answer; the end of its log:", *service.log_tail):
            click.echo(f"    {line}")
    _show_programs(programs)
    if not kept and not programs:
        click.echo("Nothing is kept here. Start services with: labkit up")
    elif not (all(service.works for service in kept) and all(program.works for program in programs)):
        raise KitError("A service does not work.", "Run: labkit up, which starts it anew.")


@click.command()
def doctor() -> None:
    """
    Look at what the services need: Java, Redis, Docker, downloads, disk, memory, ports.

    Exit code 20 if without something no service can be had.
    """
    from pytest_labkit.services.doctor import doctor as look

    checks = look(settings.resolve(project_root()))
    width = max(len(check.name) for check in checks)
    for check in checks:
        click.echo(f"{mark(check.ok)} {check.name:<{width}}  {check.found}")
        if not check.ok and check.advice:
            click.echo(f"  {'':<{width}}  {check.advice}")
    if any(check.needed and not check.ok for check in checks):
        raise KitError(
            "Services cannot be had on this machine as it is.", "Do what stands beside the ✗ above."
        )
    click.echo("\nServices can be had on this machine.")


def _used_by(lab: Lab) -> tuple[str, ...]:
    """The services that *lab* names, that any of its tests asks for, and that its own programs call."""
    from pytest_labkit import services, systems
    from pytest_labkit.course.testfiles import fixtures_of

    asked_for = fixtures_of(lab)
    called = systems.read(lab).services if "system" in asked_for else ()
    return tuple(name for name in services.NAMES if name in {*lab.services, *asked_for, *called})


def _described(endpoint: Endpoint) -> str:
    seconds = f", ready after {endpoint.ready_s:.1f} s" if endpoint.ready_s else ""
    return f"{endpoint.service} {endpoint.version} ({endpoint.backend}) at {endpoint.address}{seconds}"


def _show_programs(programs: Sequence[Health]) -> None:
    """A line for each program; below it what it cannot reach, or the end of its log if it does not answer."""
    for program in programs:
        click.echo(f"{mark(program.works)} {program.name} at {program.url}")
        if not program.answers:
            click.echo("    does not answer; the end of its log:")
        for name in program.unreachable:
            click.echo(f"    cannot reach {name}")
        for line in program.log_tail:
            click.echo(f"    {line}")
