"""How a command shows what it found."""

from __future__ import annotations

import click


def mark(good: bool) -> str:
    """A green tick, or a red cross."""
    return click.style("✓", fg="green") if good else click.style("✗", fg="red")


def say(line: str) -> None:
    """Say *line* beside what the command prints: on stderr."""
    click.echo(line, err=True)
