"""The exit codes that every command keeps to: those of a run."""

from __future__ import annotations

NOT_YET, INTERRUPTED, USAGE, BROKE = 1, 2, 4, 20
