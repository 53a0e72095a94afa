"""What each service's processes are made of on this machine: programs, ports, class paths, archives."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_labkit.host.settings import Settings
from pytest_labkit.services import dynamodb, kafka, redis, search, versions
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.local import archives, download, dynamodb_jar, java
from pytest_labkit.services.local.archives import Archive
from pytest_labkit.services.local.unprivileged import Tenant

Say = Callable[[str], None]


@dataclass(frozen=True)
class Program:
    """A process to start: its command, the port it will listen on, and the name of its log."""

    command: Sequence[str]
    port: int
    log: str


@dataclass(frozen=True)
class Recipe:
    """
    How one service is started on this machine.

    *ports* is how many it needs; *prepare* writes what it starts from into a folder and gives the
    programs, which pass some options to their JVM, and the endpoint; *probe* proves that the endpoint
    works, *awaited* says how; *archive* is what its JVMs can start from, *hint* what to do when it fails.
    """

    ports: int
    prepare: Callable[[Path, list[int], Sequence[str]], tuple[list[Program], Endpoint]]
    probe: Callable[[Endpoint], None]
    awaited: str
    deadline_s: float
    archive: Archive | None = None
    hint: str = "Run: labkit doctor. It looks at Java, memory, disk and ports."


def class_path(jars: Sequence[Path]) -> str:
    """*jars* as the option `-cp` wants them."""
    return os.pathsep.join(str(jar) for jar in jars)


def _redis(settings: Settings, _brokers: int, _say: Say) -> Recipe:
    server = redis.find_server(settings.environ)
    version = redis.program_version(server)

    def prepare(folder: Path, ports: list[int], _options: Sequence[str]) -> tuple[list[Program], Endpoint]:
        command = redis.command(server, port=ports[0], folder=folder)
        endpoint = redis.endpoint(f"redis://127.0.0.1:{ports[0]}/0", backend="local", version=version)
        return [Program(command, ports[0], "redis.log")], endpoint

    return Recipe(1, prepare, redis.probe, redis.AWAITED, deadline_s=30)


def _dynamodb(settings: Settings, _brokers: int, say: Say) -> Recipe:
    found = java.find(settings.environ)
    files = download.fetch(
        download.artifacts("dynamodb"), settings, say, what=f"DynamoDB Local {versions.DYNAMODB}"
    )
    native = next(file.parent for file in files if file.suffix != ".jar")
    jars = _dynamodb_jars([file for file in files if file.suffix == ".jar"], download.folder(settings))

    def prepare(_folder: Path, ports: list[int], options: Sequence[str]) -> tuple[list[Program], Endpoint]:
        command = dynamodb.command(
            [*found.command, *options], class_path=class_path(jars), native=native, port=ports[0]
        )
        endpoint = dynamodb.endpoint(
            f"http://127.0.0.1:{ports[0]}", backend="local", version=versions.DYNAMODB
        )
        return [Program(command, ports[0], "dynamodb.log")], endpoint

    archive = Archive("dynamodb", found, tuple(jars), archives.folder(settings))
    return Recipe(1, prepare, dynamodb.probe, dynamodb.AWAITED, deadline_s=90, archive=archive)


def _dynamodb_jars(jars: list[Path], folder: Path) -> list[Path]:
    """*jars* with the copy of the first one's jar that an archive can be made of, if there can be one."""
    main = next(jar for jar in jars if jar.name.startswith("DynamoDBLocal-"))
    others = [jar for jar in jars if jar != main]
    with suppress(OSError):  # the cache cannot be written: no archive either
        return [dynamodb_jar.archivable(main, dynamodb.LAUNCHER, folder / "labkit"), *others]
    return [dynamodb.LAUNCHER, main, *others]


def _kafka(settings: Settings, brokers: int, say: Say) -> Recipe:
    found = java.find(settings.environ)
    files = download.fetch(download.artifacts("kafka"), settings, say, what=f"Apache Kafka {versions.KAFKA}")
    jars = [file for file in files if file.suffix == ".jar"]

    def prepare(folder: Path, ports: list[int], options: Sequence[str]) -> tuple[list[Program], Endpoint]:
        nodes = [kafka.Node(i + 1, *ports[2 * i : 2 * i + 2]) for i in range(brokers)]
        cluster_id = kafka.random_id()
        programs = []
        for node in nodes:
            home = folder / f"broker-{node.id}"
            kafka.prepare(home, node, nodes, cluster_id=cluster_id)
            command = kafka.command([*found.command, *options], class_path=class_path(jars), folder=home)
            programs.append(Program(command, node.port, f"broker-{node.id}.log"))
        addresses = [node.address for node in nodes]
        return programs, kafka.endpoint(addresses, backend="local", version=versions.KAFKA)

    archive = Archive("kafka", found, tuple(jars), archives.folder(settings))
    deadline_s = 120 + 30 * brokers
    return Recipe(2 * brokers, prepare, kafka.probe, kafka.AWAITED, deadline_s, archive)


def _search(settings: Settings, _brokers: int, say: Say) -> Recipe:
    engine = search.ENGINES[settings.search]
    found = java.find(settings.environ, *engine.java)
    files = download.fetch(
        download.artifacts(engine.name), settings, say, what=f"{engine.title} {engine.version}"
    )
    jars = [file for file in files if not search.is_of_the_module(file)]
    module = [file for file in files if search.is_of_the_module(file)]

    def prepare(folder: Path, ports: list[int], options: Sequence[str]) -> tuple[list[Program], Endpoint]:
        home, tenant = folder / "home", Tenant(folder)
        search.prepare(home, engine, http=ports[0], transport=ports[1], module=module)
        reached = class_path([tenant.reach(jar) for jar in jars])
        server = [*options, *search.options(engine, home, class_path=reached)]
        command = [*search.environment(home), *tenant.command(found.command, server)]
        url = f"http://127.0.0.1:{ports[0]}"
        endpoint = search.endpoint(url, backend="local", engine=engine.name, version=engine.version)
        return [Program(command, ports[0], "search.log")], endpoint

    # An AOT cache may be used with the same jars in another place, a CDS archive may not.
    archive = Archive("search", found, tuple(jars), archives.folder(settings)) if found.makes_aot else None
    return Recipe(2, prepare, search.probe, search.AWAITED, deadline_s=180, archive=archive)


RECIPES: Mapping[str, Callable[[Settings, int, Say], Recipe]] = {
    "kafka": _kafka,
    "dynamodb": _dynamodb,
    "redis": _redis,
    "search": _search,
}
"""How each service is started: from settings, a number of brokers, and whom to tell of downloads."""
