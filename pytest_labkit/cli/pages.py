"""labkit dashboard and labkit simulator: live pages, served on this machine only."""

from __future__ import annotations

import click

from pytest_labkit.cli.project import project_root
from pytest_labkit.cli.shown import say
from pytest_labkit.domain.errors import KitError
from pytest_labkit.host import settings


@click.command(
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
    Show the programs that labkit up LAB --chaos keeps, live: what works, gauges, rates, alerts.

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


@click.command(
    epilog="""\b
Examples:
  labkit simulator               your code, at http://localhost:8080/simulator
  labkit simulator --solution    the model answer
  labkit simulator --seed 4711   the messages and the chances of another run again"""
)
@click.option("--solution", is_flag=True, help="Play the model answer, and not your code.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="0: any that is free.  [default: 8080, or another if it is taken]",
)
@click.option("--seed", type=click.IntRange(0), help="What all chance follows from.  [default: drawn]")
def simulator(solution: bool, port: int | None, seed: int | None) -> None:
    """
    Play lab 1 on a real broker: producers, partitions, consumers and faults, chosen and seen on a page.

    What labkit up keeps is used; what is missing is started, and stopped again by Ctrl-C.
    """
    import asyncio

    from pytest_labkit.simulator import cast, server
    from pytest_labkit.simulator.stage import Stage

    root = project_root()
    options = {"solution": solution, "seed": None if seed is None else str(seed)}
    chosen = settings.resolve(root, options=options)
    lab = cast.playable(root)
    with cast.Cast(lab, chosen, say) as players:
        stage = Stage(players)
        click.echo(f"{lab.title}: {players.label} plays, with the seed {chosen.seed}.")
        try:
            asyncio.run(server.serve(stage, (8080, 0) if port is None else (port,), click.echo))
        finally:
            stage.close()
