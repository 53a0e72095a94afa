"""
The pytest plugin: options, markers, and the decision whether this run has to do with labs at all.

In a project without a `lab.toml` it adds its options and markers and does nothing else: nothing more
is imported, no fixture is added, no service touched.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path

import pytest

from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.host import settings
from pytest_labkit.host.places import within

_MARKERS = (
    "criterion(id): the criterion of lab.toml that this test checks",
    "promise(*ids): the sentences of the lab's contract that this test checks, such as A2.3",
    "timed: measures speed; holds a machine-wide lock, and is left out with -m 'not timed'",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `settings.OPTIONS`, and their ini names."""
    group = parser.getgroup("labkit", "labs in distributed systems")
    for option in settings.OPTIONS:
        shown = f"{option.help}. Ini: {option.ini}; environment: {option.env}" if option.ini else option.help
        if option.switch:
            group.addoption(option.flag, dest=option.dest, action="store_true", help=shown)
        elif option.repeatable:
            group.addoption(
                option.flag, dest=option.dest, action="append", metavar=option.metavar, help=shown
            )
        else:
            group.addoption(
                option.flag,
                dest=option.dest,
                choices=option.choices or None,
                metavar=option.metavar,
                help=shown,
            )
        if option.ini:
            parser.addini(option.ini, option.help)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """
    Where only labs are run, let no warning end the run: a project may make errors of its own.

    What `-W` says comes after it, and holds.
    """
    known = early_config.known_args_namespace
    if _are_labs(_places(early_config, known.file_or_dir), early_config):
        known.pythonwarnings = ["ignore", *(known.pythonwarnings or ())]
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; in a project with labs, the session and the fixtures too."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    _refuse_settings_of_answers(config)
    if not _has_labs(config):
        return
    try:
        _begin(config)
    except UsageProblem as problem:
        raise pytest.UsageError(str(problem)) from None


def _refuse_settings_of_answers(config: pytest.Config) -> None:
    """
    End the run where pytest found its settings among the answers, not in the project.

    It looks for them before it knows what `--lab-answers` is, and takes the folder for one with tests.
    """
    here, ini = config.invocation_params.dir, config.inipath
    folders = [(here / folder).resolve() for folder in config.getoption("lab_answers") or ()]
    if ini is None or not any(ini.resolve().is_relative_to(folder) for folder in folders):
        return
    if not all((here / str(arg)).resolve().is_relative_to(config.rootpath.resolve()) for arg in config.args):
        raise pytest.UsageError(
            f"pytest took its settings from {ini}, which is among the answers.\n"
            "Name the lab first: pytest labs/lab3 --lab-answers DIR"
        )


def _begin(config: pytest.Config) -> None:
    from pytest_labkit.host.proxies import past_proxies
    from pytest_labkit.session import fixtures, foreign, lab_session, progress, services, workers
    from pytest_labkit.session.collection import Collection
    from pytest_labkit.session.decided import Decided
    from pytest_labkit.session.loans import Loans

    chosen = settings.resolve(
        config.rootpath,
        options={option.name: config.getoption(option.dest) for option in settings.OPTIONS}
        | workers.told(config),
        ini={option.ini: config.getini(option.ini) for option in settings.OPTIONS if option.ini},
        cwd=config.invocation_params.dir,
    )
    config.add_cleanup(past_proxies(os.environ))
    _quiet_benchmarks(config)
    _quiet_pytest(config)
    collection = Collection(chosen)
    config.pluginmanager.register(collection, "labkit-collection")
    decided = Decided(collection, every_test=chosen.all_tests)
    config.pluginmanager.register(decided, "labkit-decided")
    config.pluginmanager.register(workers.Workers(chosen, collection), "labkit-workers")
    loans = Loans(config)
    config.pluginmanager.register(loans, "labkit-loans")
    config.pluginmanager.register(foreign, "labkit-foreign")
    config.pluginmanager.register(lab_session.LabSession(config, chosen, collection, loans), lab_session.NAME)
    config.pluginmanager.register(progress.Progress(config), progress.NAME)
    config.pluginmanager.register(fixtures, "labkit-fixtures")
    config.pluginmanager.register(services.plugin(), "labkit-services")


def _quiet_benchmarks(config: pytest.Config) -> None:
    """Leave out pytest-benchmark's table, unless one of its options is given: rates have their own line."""
    asked_for = any(str(arg).startswith("--benchmark") for arg in config.invocation_params.args)
    if not asked_for and hasattr(config.option, "benchmark_quiet"):
        config.option.benchmark_quiet = True


def _quiet_pytest(config: pytest.Config) -> None:
    """Where only labs are run, leave out pytest's header, so that a screen has room for what was found."""
    if getattr(config.option, "verbose", 1) == 0 and _are_labs(_named(config), config):
        config.option.verbose = -1


def _has_labs(config: pytest.Config) -> bool:
    """Whether the project has a lab where labs are, or the command line names one."""
    if any((config.rootpath / "labs").glob("*/lab.toml")):
        return True
    return any(_is_in_labs(path, config) for path in _named(config))


def _named(config: pytest.Config) -> list[Path]:
    """The files and folders of the command line."""
    return _places(config, config.args)


def _places(config: pytest.Config, args: Sequence[object]) -> list[Path]:
    """The files and folders that *args* name, the current folder if none does."""
    here = config.invocation_params.dir
    return [here / str(arg).partition("::")[0] for arg in args or ["."]]


def _are_labs(places: Iterable[Path], config: pytest.Config) -> bool:
    """Whether all of *places* are of labs."""
    return all(_is_in_labs(path, config) for path in places)


def _is_in_labs(path: Path, config: pytest.Config) -> bool:
    """Whether *path* is a lab, in a lab, or the folder of all of them."""
    above = any((folder / "lab.toml").is_file() for folder in _and_above(path, config))
    return above or any(path.glob("*/lab.toml"))


def _and_above(path: Path, config: pytest.Config) -> list[Path]:
    path = within(config.rootpath, path)
    return [p for p in (path, *path.parents) if p.is_relative_to(config.rootpath)]
