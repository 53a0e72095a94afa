"""labkit dashboard: live pages, served on this machine only."""

from __future__ import annotations

import click

from pytest_labkit.cli.project import project_root
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
