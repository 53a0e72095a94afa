"""
Writes a section of `jars.lock` anew: the files of another version of a server, each with its SHA-256.

    .ci/lock-jars.py kafka 4.3.1        (needs Maven, which resolves and fetches them)

The version in the service's own file (`services/kafka.py`, `services/search.py`) is changed by hand: a test
holds the two to each other. Then: labs 3 and 4, `benchmarks/startup.py`, and the images of `compose.yaml`.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

LOCK = Path(__file__).parents[1] / "pytest_labkit" / "services" / "jvm" / "jars.lock"


@dataclass(frozen=True)
class Server:
    """
    What a server's files are resolved from.

    *roots* are of the server's own version, *logging* of that of the log4j which they want and do not bring
    (without it a server logs nothing); *unused* begins the names of files that are left out.
    """

    roots: tuple[str, ...]
    logging: str
    unused: tuple[str, ...] = ()


SERVERS = {
    "kafka": Server(("org.apache.kafka:kafka_2.13",), "org.apache.logging.log4j:log4j-slf4j-impl"),
    "opensearch": Server(
        (
            "org.opensearch:opensearch",
            "org.opensearch:opensearch-agent-bootstrap",
            "org.opensearch:opensearch-plugin-classloader",
            "org.opensearch.plugin:transport-netty4-client",
        ),
        "org.apache.logging.log4j:log4j-core",
        ("netty-codec-native-quic", "netty-transport-native-unix-common"),
    ),
}

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>lock</groupId><artifactId>lock</artifactId><version>1</version>
<dependencies>{}</dependencies></project>"""
DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


def resolved(coordinates: list[str]) -> list[Path]:
    """The files of *coordinates* (`group:artifact:version`) and of what they depend on, in Maven's cache."""
    with tempfile.TemporaryDirectory() as folder:
        dependencies = "".join(DEPENDENCY.format(*coordinate.split(":")) for coordinate in coordinates)
        Path(folder, "pom.xml").write_text(POM.format(dependencies), "utf-8")
        goal = ["dependency:build-classpath", "-Dmdep.outputFile=files", "-Dmdep.pathSeparator=:"]
        subprocess.run(["mvn", "-q", "-B", *goal], cwd=folder, check=True)  # noqa: S607 - the one on the PATH
        return [Path(file) for file in Path(folder, "files").read_text("utf-8").strip().split(":")]


def section(server: Server, version: str) -> list[str]:
    """The lines of *server* in the lock."""
    roots = [f"{root}:{version}" for root in server.roots]
    log4j = next(m[1] for file in resolved(roots) if (m := re.match(r"log4j-api-(.+)\.jar", file.name)))
    files = resolved([*roots, f"{server.logging}:{log4j}"])
    return sorted((line(file) for file in files if not file.name.startswith(server.unused)), key=_path)


def line(file: Path) -> str:
    """SHA-256 and path in a repository of *file*, which lies in Maven's cache."""
    path = file.as_posix().partition("/repository/")[2]
    return f"{hashlib.sha256(file.read_bytes()).hexdigest()} {path}"


def _path(line: str) -> str:
    return line.partition(" ")[2]


def replaced(lock: str, name: str, lines: list[str]) -> str:
    """*lock* with *lines* for what its section *name* had."""
    return re.sub(
        rf"(?<=^\[{name}\]\n)(?:[^\[\n].*\n)+", "".join(f"{line}\n" for line in lines), lock, flags=re.M
    )


def main() -> None:
    """Resolve, hash, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("server", choices=SERVERS)
    parser.add_argument("version")
    options = parser.parse_args()
    lines = section(SERVERS[options.server], options.version)
    LOCK.write_text(replaced(LOCK.read_text("utf-8"), options.server, lines), "utf-8")


if __name__ == "__main__":
    main()
