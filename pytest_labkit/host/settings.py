"""
What a run was asked to do: command line, then ini, then environment, then the default.

The only reader of all three. `OPTIONS` is the table that the command line, `--help` and the docs are
made from; the rest of the kit sees a frozen `Settings`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from pytest_labkit.domain import seeds
from pytest_labkit.domain.errors import UsageProblem

BACKENDS = ("auto", "docker", "local", "external")
DOORS = ("direct", "process")
SEARCH_ENGINES = ("opensearch", "elasticsearch")


@dataclass(frozen=True)
class Option:
    """One option: `--lab-NAME` on the command line, *ini* and *env* where it has them."""

    name: str
    help: str
    default: Any = None
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    repeatable: bool = False
    switch: bool = False
    ini: str | None = None
    env: str | None = None

    @property
    def flag(self) -> str:
        """As it is typed: `--lab-backend`."""
        return f"--lab-{self.name}"

    @property
    def dest(self) -> str:
        """As pytest stores it: `lab_backend`."""
        return f"lab_{self.name.replace('-', '_')}"


OPTIONS = (
    Option(
        "backend",
        "Where the services come from: containers, processes on this machine, or servers that run already "
        "(KAFKA_BOOTSTRAP_SERVERS, AWS_ENDPOINT_URL_DYNAMODB, REDIS_URL, OPENSEARCH_URL or "
        "ELASTICSEARCH_URL). auto: docker if it can, else local",
        default="auto",
        choices=BACKENDS,
        ini="lab_backend",
        env="LABKIT_BACKEND",
    ),
    Option(
        "door",
        "Where the student's code runs: in this process, where breakpoints work, or in one of its own",
        default="direct",
        choices=DOORS,
        ini="lab_door",
        env="LABKIT_DOOR",
    ),
    Option("solution", "Check the model answers: the same as --lab-answers solutions", switch=True),
    Option(
        "answers",
        "Check the answers in this folder; the first folder that has a file wins, the lab's own comes last",
        metavar="DIR",
        repeatable=True,
    ),
    Option("all", "Run every test of a criterion, also when one has decided it already", switch=True),
    Option("criterion", "Check only this criterion", metavar="ID", repeatable=True),
    Option(
        "report",
        "Where the reports go, a folder per lab",
        default=".labkit/reports",
        metavar="DIR",
        ini="lab_report",
        env="LABKIT_REPORT",
    ),
    Option("strict", "Judge targets as they stand, however slow the machine", switch=True),
    Option(
        "seed",
        "Run with the chances of the run that named this seed: the same faults, the same random values",
        metavar="N",
        ini="lab_seed",
        env="LABKIT_SEED",
    ),
)


@dataclass(frozen=True)
class Settings:
    """
    What this run was asked to do; every path is absolute.

    *all_tests*: also those of a criterion that one has decided. *cache* is the folder that downloads and
    start-up archives are shared in; *offline* forbids downloads; *maven_url* and *npm_url* are the Maven
    repository and the npm registry to download from, `None` for the usual ones; *dynamodb_image* is what
    Docker starts as DynamoDB, `None` for the usual one; *search* is the engine that the service `search` is
    to be. *seed* is what all chance in the run follows from: drawn anew for each run that was given none.
    """

    root: Path
    backend: str = "auto"
    door: str = "direct"
    answers: tuple[Path, ...] = ()
    criteria: tuple[str, ...] = ()
    report: Path = Path(".labkit/reports")
    strict: bool = False
    all_tests: bool = False
    seed: int = field(default_factory=seeds.draw)
    cache: Path = Path(".cache")
    offline: bool = False
    maven_url: str | None = None
    npm_url: str | None = None
    dynamodb_image: str | None = None
    search: str = SEARCH_ENGINES[0]
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)


def resolve(
    root: Path,
    *,
    options: Mapping[str, Any] | None = None,
    ini: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
) -> Settings:
    """
    The settings of a run in the project at *root*.

    Args:
        root: The project: the folder that holds `labs/`, and `.labkit/` with what the kit keeps.
        options: Command line values by option name; `None` and `()` mean not given.
        ini: Values of the ini file by ini name; an empty string means not given.
        environ: The environment.
        cwd: What relative folders on the command line are relative to; the current folder if `None`.

    Raises:
        UsageProblem: A value is not one of an option's choices, the seed is no whole number, or a folder of
            answers is missing.
    """
    chosen = {option.name: _value(option, options or {}, ini or {}, environ) for option in OPTIONS}
    here = cwd or Path.cwd()
    folders = [here / folder for folder in chosen["answers"]]
    if chosen["solution"]:
        folders.append(root / "solutions")
    for folder in folders:
        if not folder.is_dir():
            raise UsageProblem(
                f"There is no folder of answers at {folder}.",
                "Name a folder that holds the lab's files, or one folder per lab, with --lab-answers.",
            )
    cache = environ.get("LABKIT_CACHE")
    return Settings(
        root=root,
        backend=chosen["backend"],
        door=chosen["door"],
        answers=tuple(folder.resolve() for folder in folders),
        criteria=tuple(chosen["criterion"]),
        report=(root if _is_default(chosen["report"]) else here) / chosen["report"],
        strict=bool(chosen["strict"]),
        all_tests=bool(chosen["all"]),
        seed=_seed(chosen["seed"]),
        cache=Path(cache).absolute() if cache else platformdirs.user_cache_path("labkit"),
        offline=environ.get("LABKIT_OFFLINE", "") not in ("", "0"),
        maven_url=environ.get("LABKIT_MAVEN_URL") or None,
        npm_url=environ.get("LABKIT_NPM_URL") or None,
        dynamodb_image=environ.get("LABKIT_DYNAMODB_IMAGE") or None,
        search=_search(environ.get("LABKIT_SEARCH") or SEARCH_ENGINES[0]),
        environ=environ,
    )


def _search(given: str) -> str:
    if given not in SEARCH_ENGINES:
        raise UsageProblem(
            f"The environment variable LABKIT_SEARCH is {given!r}.",
            f"It must be one of {', '.join(SEARCH_ENGINES)}.",
        )
    return given


def _seed(given: str | None) -> int:
    if given is None:
        return seeds.draw()
    if not given.isdecimal():
        raise UsageProblem(f"The seed {given!r} is no whole number.", "Take the one that a report names.")
    return int(given)


def _is_default(report: str) -> bool:
    return any(option.name == "report" and option.default == report for option in OPTIONS)


def _value(
    option: Option, options: Mapping[str, Any], ini: Mapping[str, Any], environ: Mapping[str, str]
) -> Any:
    """The value of *option*, from the first source that gives one, checked against its choices."""
    sources: tuple[tuple[str, Any], ...] = (
        (option.flag, options.get(option.name)),
        (f"{option.ini} in the ini file", ini.get(option.ini) if option.ini else None),
        (f"the environment variable {option.env}", environ.get(option.env) if option.env else None),
    )
    for source, value in sources:
        if not value:
            continue
        if option.choices and value not in option.choices:
            raise UsageProblem(f"{source} is {value!r}.", f"It must be one of {', '.join(option.choices)}.")
        return value
    return () if option.repeatable else option.default
