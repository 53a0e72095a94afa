"""OpenSearch and Elasticsearch: where one is had from, what proves that it works, a test's own indexes."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

from pytest_labkit.host.settings import Settings
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.jvm import archives, download, java
from pytest_labkit.services.jvm.archives import Archive
from pytest_labkit.services.jvm.unprivileged import Tenant
from pytest_labkit.services.recipes import ContainerRecipe, ExternalRecipe, ProcessRecipe, Program, Server
from pytest_labkit.services.service import Release, Say, Service

OPENSEARCH = "3.9.0"
ELASTICSEARCH = "7.17.29"
AWAITED = "a document written and found"
INDEX = "labkit-probe"


@dataclass(frozen=True, kw_only=True)
class Engine(Release):
    """
    A search engine that the kit can start.

    *java* is the oldest and the newest version of Java that it runs on; *property_* begins the names of its
    system properties; *network* is the class of its module that speaks HTTP, and *policy* what the
    module has to be allowed to; *container* is the environment of its container.
    """

    name: str
    java: tuple[int, int]
    main_class: str
    property_: str
    network: str
    options: tuple[str, ...] = ()
    policy: str = ""
    container: Mapping[str, str]


# As the module's own policy, which is not in its jar; the names are those of the pinned jars.
_POLICY = """
grant codeBase "${codebase.netty-common-4.1.94.Final.jar}" {
  permission java.io.FilePermission "/proc/sys/net/core/somaxconn", "read";
  permission java.net.SocketPermission "*", "accept,connect";
  permission java.lang.RuntimePermission "setContextClassLoader";
};
grant codeBase "${codebase.netty-transport-4.1.94.Final.jar}" {
  permission java.net.SocketPermission "*", "accept,connect";
};
"""

_IN_CONTAINER = "-Xms256m -Xmx512m -XX:TieredStopAtLevel=1"

ENGINES: Mapping[str, Engine] = MappingProxyType(
    {
        "opensearch": Engine(
            name="opensearch",
            title="OpenSearch",
            version=OPENSEARCH,
            image=f"opensearchproject/opensearch:{OPENSEARCH}",
            files="opensearch",
            java=(21, 99),
            main_class="org.opensearch.bootstrap.OpenSearch",
            property_="opensearch",
            network="org.opensearch.transport.Netty4ModulePlugin",
            container={
                "DISABLE_SECURITY_PLUGIN": "true",
                "DISABLE_INSTALL_DEMO_CONFIG": "true",
                "OPENSEARCH_JAVA_OPTS": _IN_CONTAINER,
            },
        ),
        "elasticsearch": Engine(
            name="elasticsearch",
            title="Elasticsearch",
            version=ELASTICSEARCH,
            image=f"elasticsearch:{ELASTICSEARCH}",
            files="elasticsearch",
            java=(17, 23),  # from 24 on Java has no security manager, without which it does not start
            main_class="org.elasticsearch.bootstrap.Elasticsearch",
            property_="es",
            network="org.elasticsearch.transport.Netty4Plugin",
            options=(
                "-Djava.security.manager=allow",
                "-Djava.locale.providers=SPI,COMPAT",
                "-Dlog4j2.disable.jmx=true",
                "-Dlog4j.shutdownHookEnabled=false",
            ),
            policy=_POLICY,
            container={
                "xpack.security.enabled": "false",
                "ingest.geoip.downloader.enabled": "false",
                "ES_JAVA_OPTS": _IN_CONTAINER,
            },
        ),
    }
)
"""By the name that `LABKIT_SEARCH` has for them."""

_SETTINGS = """
cluster.name: labkit
node.name: labkit
network.host: 127.0.0.1
http.port: {http}
transport.port: {transport}
discovery.type: single-node
cluster.routing.allocation.disk.threshold_enabled: false
path.data: {home}/data
path.logs: {home}/logs
"""

_LOGGING = """
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %-5p %c{1.}: %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""


def endpoint(url: str, *, backend: str, engine: str, version: str, ready_s: float = 0.0) -> Endpoint:
    """The endpoint of a search engine at *url*, such as `http://127.0.0.1:9200`."""
    return Endpoint("search", backend, version, url, {"SEARCH_URL": url, "SEARCH_ENGINE": engine}, ready_s)


def probe(endpoint: Endpoint, *, timeout_s: float = 5.0) -> None:
    """
    Write a document, find it, remove it; raises if that does not work in *timeout_s* seconds a step.

    The index `labkit-probe` is made for it, and stays.
    """
    word = uuid.uuid4().hex
    document = f"/{INDEX}/_doc/{word}"
    with calls(endpoint.address, timeout_s) as call:
        call("PUT", f"{document}?refresh=true&timeout={timeout_s:g}s", {"word": word})
        found = call("POST", f"/{INDEX}/_search", {"query": {"match": {"word": word}}})["hits"]["hits"]
        call("DELETE", document)
    if [hit["_id"] for hit in found] != [word]:
        raise RuntimeError(f"wrote {word} and found {found}")


def identified(endpoint: Endpoint, *, timeout_s: float = 5.0) -> Endpoint:
    """*endpoint* with the engine and the version that the server there names."""
    with calls(endpoint.address, timeout_s) as call:
        said = call("GET", "/")["version"]
    engine = said.get("distribution", "elasticsearch")  # which only OpenSearch names
    return replace(endpoint, version=said["number"], env={**endpoint.env, "SEARCH_ENGINE": engine})


def remove(endpoint: Endpoint, prefix: str, *, timeout_s: float = 10.0) -> None:
    """Remove the indexes, and the templates of indexes, whose names begin with *prefix*."""
    with calls(endpoint.address, timeout_s) as call:
        indexes = call("GET", f"/_cat/indices/{prefix}*?format=json&h=index")
        for index in indexes:
            call("DELETE", f"/{index['index']}?ignore_unavailable=true")
        for template in call("GET", "/_index_template")["index_templates"]:
            if template["name"].startswith(prefix):
                call("DELETE", f"/_index_template/{template['name']}")


@contextmanager
def own_indexes(endpoint: Endpoint) -> Iterator[Endpoint]:
    """
    *endpoint*, a search engine, with a prefix for the names of indexes that nobody else has.

    What has that prefix is removed in the end, also from an engine that the kit did not start.
    """
    from http.client import HTTPException

    prefix = f"labkit-{secrets.token_hex(6)}-"
    try:
        yield replace(endpoint, env={**endpoint.env, "SEARCH_PREFIX": prefix})
    finally:
        with suppress(OSError, HTTPException):  # an engine that is gone has taken them along
            remove(endpoint, prefix)


@contextmanager
def calls(url: str, timeout_s: float) -> Iterator[Callable[..., Any]]:
    """
    Calls of the engine at *url*: method, path, body -> what it answers, as JSON; raises if it refuses.

    By hand: there are two client libraries, and each takes half a second of a core to import.
    """
    from http.client import HTTPConnection, HTTPSConnection

    place = urlsplit(url)
    kind = HTTPSConnection if place.scheme == "https" else HTTPConnection
    connection = kind(place.hostname or "", place.port, timeout=timeout_s)
    headers = {"Content-Type": "application/json", **_authorization(place.username, place.password)}

    def call(method: str, path: str, body: object = None) -> Any:
        content = None if body is None else json.dumps(body)
        connection.request(method, place.path.rstrip("/") + path, content, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {said.decode(errors='replace')[:200]}")
        return json.loads(said)

    try:
        yield call
    finally:
        connection.close()


def _authorization(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    both = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Authorization": f"Basic {base64.b64encode(both).decode()}"}


def is_of_the_module(jar: Path) -> bool:
    """Whether *jar* belongs in the folder of the module that speaks HTTP, rather than on the class path."""
    return "netty" in jar.name


def prepare(home: Path, engine: Engine, *, http: int, transport: int, module: Sequence[Path]) -> None:
    """Make *home* a folder that *engine* can be started from; *module* are the jars of its module of HTTP."""
    for name in ("config", "plugins", "tmp"):
        (home / name).mkdir(parents=True)
    filled = _SETTINGS.format(home=home, http=http, transport=transport)
    (home / "config" / f"{engine.name}.yml").write_text(filled, "utf-8")
    (home / "config" / "log4j2.properties").write_text(_LOGGING, "utf-8")
    network = home / "modules" / "transport-netty4"
    network.mkdir(parents=True)
    for jar in module:
        shutil.copy2(jar, network)
    described = {
        "name": "transport-netty4",
        "description": "HTTP",
        "version": engine.version,
        f"{engine.name}.version": engine.version,
        "java.version": "1.8" if engine.name == "elasticsearch" else "21",
        "classname": engine.network,
    }
    lines = [f"{key}={value}\n" for key, value in described.items()]
    (network / "plugin-descriptor.properties").write_text("".join(lines), "utf-8")
    if engine.policy:
        (network / "plugin-security.policy").write_text(engine.policy, "utf-8")


def environment(home: Path) -> list[str]:
    """What the command is to begin with: Elasticsearch wants to be told its temporary folders."""
    return ["env", f"ES_TMPDIR={home / 'tmp'}", f"LIBFFI_TMPDIR={home / 'tmp'}"]


def options(engine: Engine, home: Path, *, class_path: str) -> list[str]:
    """The options of the JVM that runs *engine* from *home*."""
    return [
        "-Xms256m",
        "-Xmx512m",
        f"-Djava.io.tmpdir={home / 'tmp'}",
        f"-Djna.tmpdir={home / 'tmp'}",
        "-Djna.nosys=true",
        *engine.options,
        f"-D{engine.property_}.path.home={home}",
        f"-D{engine.property_}.path.conf={home / 'config'}",
        f"-D{engine.property_}.distribution.type=tar",
        "-cp",
        class_path,
        engine.main_class,
    ]


def _engine(settings: Settings) -> Engine:
    return ENGINES[settings.search]


def _runs_on(settings: Settings) -> str:
    return f"Java {java.find(settings.environ, *_engine(settings).java).version}"


def _processes(settings: Settings, _brokers: int, say: Say) -> ProcessRecipe:
    engine = _engine(settings)
    found = java.find(settings.environ, *engine.java)
    wanted = download.artifacts(engine.name)
    files = download.fetch(wanted, settings, say, what=f"{engine.title} {engine.version}")
    jars = [file for file in files if not is_of_the_module(file)]
    module = [file for file in files if is_of_the_module(file)]

    def start_from(folder: Path, ports: list[int], given: Sequence[str]) -> tuple[list[Program], Endpoint]:
        home, tenant = folder / "home", Tenant(folder)
        prepare(home, engine, http=ports[0], transport=ports[1], module=module)
        reached = java.class_path([tenant.reach(jar) for jar in jars])
        server = [*given, *options(engine, home, class_path=reached)]
        command = [*environment(home), *tenant.command(found.command, server)]
        return [Program(command, ports[0], "search.log")], _on_port(ports[0], "local", engine)

    # An AOT cache may be used with the same jars in another place, a CDS archive may not.
    archive = Archive("search", found, tuple(jars), archives.folder(settings)) if found.makes_aot else None
    return ProcessRecipe(2, start_from, probe, AWAITED, deadline_s=180, archive=archive)


def _containers(settings: Settings) -> ContainerRecipe:
    engine = _engine(settings)
    environment = {
        "discovery.type": "single-node",
        "cluster.routing.allocation.disk.threshold_enabled": "false",
        **engine.container,
    }
    return ContainerRecipe(
        engine.image,
        lambda _brokers: [Server("search", 9200, environment=lambda _published: environment)],
        lambda ports: _on_port(ports[0], "docker", engine),
        deadline_s=180,
    )


def _on_port(port: int, backend: str, engine: Engine) -> Endpoint:
    url = f"http://127.0.0.1:{port}"
    return endpoint(url, backend=backend, engine=engine.name, version=engine.version)


def _given(url: str, _environ: Mapping[str, str]) -> Endpoint:
    """Which engine it is, it says itself."""
    return endpoint(url, backend="external", engine="opensearch", version="unknown")


SERVICE = Service(
    name="search",
    variable="SEARCH_URL",
    gives="a running OpenSearch or Elasticsearch; its `Endpoint`, with `SEARCH_URL`, `SEARCH_ENGINE` "
    "(`opensearch` or `elasticsearch`) and `SEARCH_PREFIX` set. Indexes whose names begin with that prefix "
    "are removed after the test. It starts in the background: only a test with this fixture waits for it",
    release=_engine,
    probe=probe,
    awaited=AWAITED,
    processes=_processes,
    containers=_containers,
    external=ExternalRecipe(
        ("OPENSEARCH_URL", "ELASTICSEARCH_URL"), "http://127.0.0.1:9200", _given, identified
    ),
    runs_on=_runs_on,
    own=own_indexes,
    keeps=("local", "docker"),
    background=True,
)
