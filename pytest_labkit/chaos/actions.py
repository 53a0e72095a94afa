"""
Chaos Toolkit's actions on a lab's system: what an experiment can do to its services and to the ways between.

Each has one beside it that takes its fault back, and does nothing where there is nothing to take back. What
an experiment leaves behind on a way, or as pressure, ends with `chaos` itself; a service that it killed or
paused stays so until somebody starts it again.
"""

from __future__ import annotations

from pytest_labkit.chaos import subject
from pytest_labkit.chaos.pressure import CpuPressure, MemoryPressure
from pytest_labkit.systems import kept

__all__ = [
    "add_latency",
    "drop_connections",
    "heal",
    "kill",
    "partition",
    "pause",
    "press_cpu",
    "press_memory",
    "release_cpu",
    "release_memory",
    "remove_latency",
    "restore_connections",
    "resume",
    "start",
]


def kill(service: str) -> None:
    """End the process of *service* as the kernel does when memory runs out: SIGKILL."""
    subject.member(service).kill()


def start(service: str) -> None:
    """Start *service* again if it has ended; it is not waited for."""
    subject.member(service).start()
    kept.write_down(subject.system(), subject.book())


def pause(service: str) -> None:
    """Stop the process of *service* in its tracks: its connections stay, and nobody answers."""
    subject.member(service).pause()


def resume(service: str) -> None:
    """Let *service* go on as if nothing had happened."""
    subject.member(service).resume()


def partition(caller: str, callee: str) -> None:
    """
    Let nothing through between *caller* and *callee*, either way.

    Connections stay, nobody is told, and what was sent arrives when it is healed: so does TCP.
    """
    subject.begin(("partition", caller, callee), subject.link(caller, callee).stall())


def heal(caller: str, callee: str) -> None:
    """Take back `partition`."""
    subject.end(("partition", caller, callee))


def drop_connections(caller: str, callee: str) -> None:
    """Refuse connections from *caller* to *callee* and reset those there are."""
    subject.begin(("drop", caller, callee), subject.link(caller, callee).refuse())


def restore_connections(caller: str, callee: str) -> None:
    """Take back `drop_connections`."""
    subject.end(("drop", caller, callee))


def add_latency(caller: str, callee: str, seconds: float) -> None:
    """Have *callee*'s replies to *caller* come *seconds* later."""
    subject.begin(
        ("latency", caller, callee), subject.link(caller, callee).latency(seconds, direction="downstream")
    )


def remove_latency(caller: str, callee: str) -> None:
    """Take back `add_latency`."""
    subject.end(("latency", caller, callee))


def press_cpu(service: str, share: float) -> None:
    """Take *share* of its processor time from *service*: 0.9 leaves it a tenth."""
    subject.begin(("cpu", service), CpuPressure(subject.member(service), share))


def release_cpu(service: str) -> None:
    """Take back `press_cpu`."""
    subject.end(("cpu", service))


def press_memory(service: str, megabytes: float = 64) -> None:
    """Let *service* have no more than *megabytes*, 16 or more, beyond its address space of now (Linux)."""
    subject.begin(("memory", service), MemoryPressure(subject.member(service), megabytes))


def release_memory(service: str) -> None:
    """Take back `press_memory`."""
    subject.end(("memory", service))
