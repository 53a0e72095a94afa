"""dynoxide is found or fetched, verified, and runs here; or one sentence says why not, and what to do."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from repositories import Repository, served

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host import settings as settings_module
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import Services, dynoxide, npm
from pytest_labkit.services.dynoxide import VERSION

PACKAGE = "@dynoxide/linux-x64"
PATH = f"{PACKAGE}/-/linux-x64-{VERSION}.tgz"
RUNS = f"#!/bin/sh\necho dynoxide {VERSION}\n"


def packed(program: str, *, name: str = "package/dynoxide") -> bytes:
    """The tarball of an npm package that holds *program*."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as files:
        entry = tarfile.TarInfo(name)
        entry.size = len(program.encode())
        files.addfile(entry, io.BytesIO(program.encode()))
    return content.getvalue()


def integrity(content: bytes) -> str:
    """As npm writes it."""
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


@pytest.fixture
def registry() -> Iterator[Repository]:
    """An npm registry on loopback."""
    with served() as repository:
        yield repository


@pytest.fixture
def settings(tmp_path: Path, registry: Repository, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty cache and an empty PATH, on Linux with an Intel processor."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    made = settings_module.resolve(
        tmp_path, environ={"PATH": str(tmp_path / "bin")}, options={"backend": "local"}
    )
    return replace(made, cache=tmp_path / "cache", npm_url=registry.url)


@pytest.fixture
def publish(registry: Repository, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bytes]:
    """Has the registry serve a package that holds some program, with the sum that the kit has."""

    def publish(program: str, **changes: str) -> bytes:
        content = packed(program, **changes)
        registry.files[PATH] = content
        monkeypatch.setitem(dynoxide._PINNED, PACKAGE, integrity(content))
        return content

    return publish


def silent(_line: str) -> None:
    """Nobody listens."""


def install(folder: Path, program: str) -> Path:
    """*program* as `dynoxide` in *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "dynoxide"
    file.write_text(program)
    file.chmod(0o755)
    return file


def test_it_is_fetched_and_unpacked_once(
    registry: Repository, settings: Settings, publish: Callable[..., bytes]
) -> None:
    """The second time no request is made, also without a network."""
    publish(RUNS)
    said: list[str] = []
    first = dynoxide.find(settings, said.append)
    assert (VERSION, PACKAGE) == (first.version, first.source)
    assert RUNS == first.program.read_text()
    assert f"downloading dynoxide {VERSION}: 1 file" == said[0]
    registry.ranges.clear()
    assert first == dynoxide.find(replace(settings, offline=True), said.append)
    assert [] == registry.ranges


def test_one_on_path_wins(registry: Repository, settings: Settings, tmp_path: Path) -> None:
    """Whatever its version is; nothing is fetched."""
    program = install(tmp_path / "bin", "#!/bin/sh\necho dynoxide 9.8.7\n")
    found = dynoxide.find(settings, silent)
    assert (program, "9.8.7", "PATH") == (found.program, found.version, found.source)
    assert f"9.8.7 from PATH ({program})" == dynoxide.look(settings)
    assert [] == registry.ranges


def test_a_damaged_program_is_unpacked_again(settings: Settings, publish: Callable[..., bytes]) -> None:
    """Its name has the digest that it was unpacked with."""
    publish(RUNS)
    program = dynoxide.find(settings, silent).program
    program.write_text("#!/bin/sh\necho anything 6.6.6\n")
    assert VERSION == dynoxide.find(settings, silent).version
    assert RUNS == program.read_text()


def test_a_tarball_with_another_digest_is_refused(
    registry: Repository, settings: Settings, publish: Callable[..., bytes]
) -> None:
    """One sentence, and nothing of it is left in the cache."""
    publish(RUNS)
    registry.files[PATH] = packed("#!/bin/sh\necho dynoxide evil\n")
    with pytest.raises(
        KitError, match=r"^linux-x64-.*\.tgz cannot .*: what arrives does not have the SHA-512"
    ):
        dynoxide.find(settings, silent)
    assert [] == [*settings.cache.rglob("*.tgz*"), *settings.cache.rglob("dynoxide-*")]


def test_a_tarball_without_the_program(settings: Settings, publish: Callable[..., bytes]) -> None:
    """It says which file there is not, and what to do."""
    publish(RUNS, name="package/other")
    with pytest.raises(KitError, match=r"^There is no package/dynoxide in .*\.tgz\.\nPut .* on PATH"):
        dynoxide.find(settings, silent)


def test_no_network_and_nothing_cached(settings: Settings) -> None:
    """It says from where, why, and which setting names another registry."""
    nowhere = replace(settings, npm_url="http://127.0.0.1:1")
    with pytest.raises(KitError, match=r"refused") as caught:
        dynoxide.find(nowhere, silent)
    assert caught.value.what.startswith(
        f"linux-x64-{VERSION}.tgz cannot be downloaded from http://127.0.0.1:1: "
    )
    assert 1 == len(caught.value.what.splitlines())
    assert caught.value.hint is not None
    assert "LABKIT_NPM_URL" in caught.value.hint
    assert "--lab-backend docker or external" in caught.value.hint


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_offline_and_nothing_cached(
    registry: Repository, settings: Settings, monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    """No connection is tried, whether the kit has a sum for this machine's package or not."""
    monkeypatch.setattr(platform, "machine", lambda: machine)
    offline = replace(settings, offline=True)
    with pytest.raises(
        KitError, match=rf"^dynoxide {VERSION} is not .*LABKIT_OFFLINE is set\.\nUnset LABKIT_OFF"
    ):
        dynoxide.find(offline, silent)
    with pytest.raises(
        KitError, match=rf"^dynoxide {VERSION} is still to be downloaded\.\nUnset LABKIT_OFFLINE"
    ):
        dynoxide.look(offline)
    assert [] == registry.ranges
    assert f"{VERSION} is still to be downloaded" == dynoxide.look(settings)


def test_a_cache_that_cannot_be_written(settings: Settings, publish: Callable[..., bytes]) -> None:
    """A file stands where the folder of programs should be."""
    publish(RUNS)
    settings.cache.mkdir()
    (settings.cache / "programs").write_text("in the way")
    with pytest.raises(KitError, match=r"cannot be stored in .*\n.*LABKIT_CACHE"):
        dynoxide.find(settings, silent)


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("\x7fELF of another processor", "Exec format error"),
        ("#!/nowhere/ld-linux.so\n", "No such file or directory"),
        (
            "#!/bin/sh\necho \"version 'GLIBC_2.99' not found\" >&2\nexit 1\n",
            "it ends with exit status 1: version",
        ),
    ],
    ids=["another architecture", "no loader", "an old glibc"],
)
def test_a_program_that_does_not_run_here(
    settings: Settings, publish: Callable[..., bytes], program: str, why: str
) -> None:
    """One sentence with the reason, and the ways out."""
    publish(program)
    with pytest.raises(KitError, match=rf" does not run on this machine: {why}") as caught:
        dynoxide.find(settings, silent)
    assert 1 == len(caught.value.what.splitlines())
    assert caught.value.hint is not None
    assert all(way in caught.value.hint for way in ("PATH", "LABKIT_CACHE", "--lab-backend docker"))


def test_a_cache_in_which_programs_may_not_run(
    settings: Settings, publish: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that is mounted noexec: there the bits are set, and starting is refused."""
    publish(RUNS)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)  # without its bits the kernel refuses likewise
    with pytest.raises(KitError, match=r"^.*cache/programs/dynoxide-.* does not run .*: Permission denied\."):
        dynoxide.find(settings, silent)


def test_a_machine_that_there_is_none_for(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the machine and the ways out."""
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(
        KitError, match=r"^There is no dynoxide for linux-riscv64\.\nPut one that runs here on PATH"
    ):
        dynoxide.find(settings, silent)


def test_a_package_that_the_kit_has_no_sum_for(
    registry: Repository, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry's own sum is taken, that is said, and what arrives has to have it."""
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    package, content = "@dynoxide/linux-arm64", packed(RUNS)
    told = {"versions": {VERSION: {"dist": {"integrity": integrity(content)}}}}
    registry.files["@dynoxide%2Flinux-arm64"] = json.dumps(told).encode()
    path = f"{package}/-/linux-arm64-{VERSION}.tgz"
    registry.files[path] = packed("#!/bin/sh\necho dynoxide evil\n")
    with pytest.raises(KitError, match="what arrives does not have the SHA-512"):
        dynoxide.find(settings, silent)
    registry.files[path] = content
    said: list[str] = []
    assert package == dynoxide.find(settings, said.append).source
    assert f"the kit has no sum for {package} {VERSION}: it takes the registry's word for it" == said[0]


def test_the_word_of_a_registry_without_tls_is_not_taken(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could be anybody's."""
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    plain = replace(settings, npm_url="http://registry.example")
    with pytest.raises(
        KitError, match=r"^The kit has no sum for .* is no https:// address\.\nSet LABKIT_NPM_URL"
    ):
        dynoxide.find(plain, silent)


def test_a_registry_that_does_not_know_the_version(
    registry: Repository, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, and what to do."""
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    registry.files["@dynoxide%2Flinux-arm64"] = b'{"versions": {}}'
    with pytest.raises(
        KitError, match=rf"^The registry at http.* has no @dynoxide/linux-arm64 {VERSION}\.\nSet "
    ):
        dynoxide.find(settings, silent)


@pytest.mark.parametrize(
    ("environ", "npmrc", "address"),
    [
        ({"npm_config_registry": "http://env"}, "registry=http://file\n", "http://env"),
        ({"NPM_CONFIG_REGISTRY": "http://env/"}, "", "http://env/"),
        ({}, '# mine\nregistry = "http://file"\nfund=false\n', "http://file"),
        ({}, "", "https://"),
    ],
)
def test_the_registry_is_the_one_that_npm_is_set_to(
    settings: Settings, tmp_path: Path, environ: dict[str, str], npmrc: str, address: str
) -> None:
    """Unless LABKIT_NPM_URL names one: its environment variable, its file, or the usual one."""
    (tmp_path / ".npmrc").write_text(npmrc)
    told = replace(settings, npm_url=None, environ={"HOME": str(tmp_path), **environ})
    assert npm.repository(told).url().startswith(address)
    assert "http://mine" == npm.repository(replace(told, npm_url="http://mine")).url()


def test_the_other_services_serve_without_it(settings: Settings) -> None:
    """A machine that cannot have it still has Redis; who asks for DynamoDB is told why there is none."""
    import os

    nowhere = replace(settings, npm_url="http://127.0.0.1:1", environ={**os.environ, "PATH": "/usr/bin:/bin"})
    with Services(nowhere) as services:
        with pytest.raises(KitError, match=r"tgz cannot be downloaded"):
            services.start(["redis", "dynamodb"])
        assert ["redis"] == list(services.started())
        assert services.healthy("redis")
        assert ["dynamodb"] == list(services.failures)
