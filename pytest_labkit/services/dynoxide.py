"""
dynoxide, a DynamoDB in one program: the one on `PATH`, else the one that its npm package holds.

The package is kept in the cache; the program lies beside it under a name that has its own digest.
"""

from __future__ import annotations

import errno
import hashlib
import io
import platform
import shutil
import subprocess
import tarfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import uuid4

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import npm, transfer
from pytest_labkit.services.transfer import Say

VERSION = "1.2.1"

_NAME = "dynoxide"
_MEMBER = "package/dynoxide"
_TRIES = 40
_ELSEWHERE = "or use --lab-backend docker or external"
_PACKAGES = {
    ("linux", "x86_64"): "@dynoxide/linux-x64",
    ("linux", "aarch64"): "@dynoxide/linux-arm64",
    ("darwin", "arm64"): "@dynoxide/darwin-arm64",
    ("darwin", "x86_64"): "@dynoxide/darwin-x64",
}
# As the registry publishes it (`integrity`). Of a package that is not here, its word is taken over TLS.
_PINNED = {
    "@dynoxide/linux-x64": "sha512-sBHqlxJ9ANkLluFkYRfd5r8Y0ApFew4FhOrlhgRAgD4XzEoFOukEo1nuBTQ1+jTtofqwn4NW"
    "Q2k0Tn5mNTjgUg==",
}


@dataclass(frozen=True)
class Dynoxide:
    """A dynoxide that runs here: the program, its version such as `1.2.1`, and where it was found."""

    program: Path
    version: str
    source: str


def find(settings: Settings, say: Say) -> Dynoxide:
    """
    The dynoxide to start, downloaded if there is none yet.

    Raises:
        KitError: None is to be had, or the one that there is does not run on this machine.
    """
    if found := _on_path(settings):
        return found
    package = _package()
    return _ran(_unpacked(package, settings) or _unpack(package, settings, say), package)


def look(settings: Settings) -> str:
    """What `find` would give, in words; downloads nothing. Raises as `find`, and where it lacks a network."""
    package = "" if (found := _on_path(settings)) else _package()
    if found or ((program := _unpacked(package, settings)) and (found := _ran(program, package))):
        return f"{found.version} from {found.source} ({found.program})"
    if settings.offline:
        raise KitError(
            f"dynoxide {VERSION} is still to be downloaded.",
            "Unset LABKIT_OFFLINE and run labkit up once with a network.",
        )
    return f"{VERSION} is still to be downloaded"


def _on_path(settings: Settings) -> Dynoxide | None:
    program = shutil.which(_NAME, path=settings.environ.get("PATH"))
    return _ran(Path(program), "PATH") if program else None


def _package() -> str:
    """The npm package for this machine; raises `KitError` if there is none."""
    machine = platform.machine().lower()
    here = platform.system().lower(), {"amd64": "x86_64"}.get(machine, machine)
    if here not in _PACKAGES:
        raise KitError(
            f"There is no dynoxide for {'-'.join(here)}.", f"Put one that runs here on PATH, {_ELSEWHERE}."
        )
    return _PACKAGES[here]


def _ran(program: Path, source: str) -> Dynoxide:
    stat = program.stat()
    return Dynoxide(program, _version(program, stat.st_size, stat.st_mtime_ns), source)


@cache
def _version(program: Path, _size: int, _changed: int) -> str:
    """What *program* says of itself; raises `KitError` if it does not run here."""
    try:
        ended = _asked(program)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _does_not_run(program, getattr(error, "strerror", None) or str(error)) from error
    if ended.returncode != 0:
        last = (ended.stderr or ended.stdout).strip().splitlines()[-1:]
        raise _does_not_run(program, ": ".join([f"it ends with exit status {ended.returncode}", *last]))
    return ended.stdout.split()[-1]


def _asked(program: Path) -> subprocess.CompletedProcess[str]:
    for left in reversed(range(_TRIES)):
        try:
            return subprocess.run(
                [program, "--version"], capture_output=True, text=True, timeout=30, check=False
            )
        except OSError as error:
            # Just unpacked: a child that another thread starts has it open until it runs its own program.
            if error.errno != errno.ETXTBSY or not left:
                raise
            time.sleep(0.05)
    raise AssertionError  # the last try returns or raises


def _does_not_run(program: Path, why: str) -> KitError:
    return KitError(
        f"{program} does not run on this machine: {why.rstrip('.')}.",
        "Put a dynoxide that runs here on PATH, name a folder in which programs may run with LABKIT_CACHE, "
        f"{_ELSEWHERE}.",
    )


def _unpacked(package: str, settings: Settings) -> Path | None:
    """The program that was unpacked from *package* before, whole; `None` if there is none."""
    for program in _folder(settings).glob(f"{_stem(package)}-*"):
        if program.name.endswith(f"-{_digest(program)}"):
            return program
    return None


def _unpack(package: str, settings: Settings, say: Say) -> Path:
    wanted = [npm.tarball(package, VERSION, _PINNED.get(package) or _told(package, settings, say))]
    (tarball,) = transfer.fetch(
        wanted, npm.repository(settings), say, what=f"dynoxide {VERSION}", offline=settings.offline
    )
    try:
        return _taken_from(tarball, _folder(settings), _stem(package))
    except (KeyError, tarfile.TarError) as error:
        raise KitError(
            f"There is no {_MEMBER} in {tarball}.", f"Put a dynoxide on PATH, {_ELSEWHERE}."
        ) from error
    except OSError as error:
        raise KitError(
            f"dynoxide cannot be stored in {_folder(settings)}: {error.strerror or error}.",
            "Make room or give yourself access there, or name another folder with LABKIT_CACHE.",
        ) from error


def _told(package: str, settings: Settings, say: Say) -> str:
    """The sum of *package*, for which the kit has none, by the registry's word."""
    if settings.offline:
        raise KitError(
            f"dynoxide {VERSION} is not in {_folder(settings)}, and LABKIT_OFFLINE is set.",
            f"Unset LABKIT_OFFLINE and run once with a network, {_ELSEWHERE}.",
        )
    say(f"the kit has no sum for {package} {VERSION}: it takes the registry's word for it")
    return npm.integrity(package, VERSION, settings)


def _taken_from(tarball: Path, folder: Path, stem: str) -> Path:
    """The program in *tarball*, put into *folder* under *stem* and its own digest."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{uuid4().hex}.part"
    try:
        with tarfile.open(tarball) as files, part.open("wb") as file:
            shutil.copyfileobj(files.extractfile(files.getmember(_MEMBER)) or io.BytesIO(), file)
        part.chmod(0o755)
        return part.replace(folder / f"{stem}-{_digest(part)}")
    finally:
        part.unlink(missing_ok=True)


def _folder(settings: Settings) -> Path:
    """Where programs lie, in the cache that all checkouts of this user share."""
    return settings.cache / "programs"


def _stem(package: str) -> str:
    return f"{_NAME}-{VERSION}-{package.rpartition('/')[2]}"


def _digest(program: Path) -> str:
    stat = program.stat()
    return _digest_of(program, stat.st_size, stat.st_mtime_ns)


@cache
def _digest_of(program: Path, _size: int, _changed: int) -> str:
    """32 hexadecimal digits of its SHA-256, worked out once in a process while it stays as it is."""
    with program.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:32]
