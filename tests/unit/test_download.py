"""Downloads are whole and verified or are not there, whatever the server, the cache or another run does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from repositories import CONTENT, Repository, served

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host import settings as settings_module
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import kafka, search
from pytest_labkit.services.jvm import download
from pytest_labkit.services.transfer import Artifact


@pytest.fixture
def repository() -> Iterator[Repository]:
    """Serves its files over HTTP while the test runs."""
    with served() as repository:
        yield repository


@pytest.fixture
def settings(tmp_path: Path, repository: Repository) -> Settings:
    """An empty cache, filled from the repository of the test."""
    made = settings_module.resolve(tmp_path, environ={})
    return replace(made, cache=tmp_path / "cache", maven_url=repository.url)


@pytest.fixture
def said() -> list[str]:
    """The lines that were told."""
    return []


def fetch(wanted: list[Artifact], settings: Settings, said: list[str]) -> list[Path]:
    """As a service does it."""
    return download.fetch(wanted, settings, said.append, what="Kafka")


def test_files_are_downloaded_and_told_of(
    repository: Repository, settings: Settings, said: list[str]
) -> None:
    """They lie in the cache under their Maven paths; a line says so before and after."""
    wanted = [repository.artifact("org/a/1/a-1.jar"), repository.artifact("org/b/2/b-2.jar", b"b")]
    files = fetch(wanted, settings, said)
    assert [CONTENT, b"b"] == [file.read_bytes() for file in files]
    assert [settings.cache / "jars" / artifact.path for artifact in wanted] == files
    assert "downloading Kafka: 2 files" == said[0]
    assert said[-1].startswith("downloaded Kafka: 1.0 MB in ")


def test_what_is_cached_is_not_asked_for_again(
    repository: Repository, settings: Settings, said: list[str]
) -> None:
    """The second time no request is made and nothing is said, and it works without a network."""
    wanted = [repository.artifact("a.jar")]
    fetch(wanted, settings, said)
    said.clear()
    repository.ranges.clear()
    fetch(wanted, replace(settings, offline=True), said)
    assert [] == repository.ranges
    assert [] == said


def test_a_damaged_file_in_the_cache_is_fetched_again(
    repository: Repository, settings: Settings, said: list[str]
) -> None:
    """One flipped byte is found by the sum; only that file is downloaded."""
    wanted = [repository.artifact("a.jar"), repository.artifact("b.jar", b"b")]
    (damaged, _) = fetch(wanted, settings, said)
    damaged.write_bytes(b"\xff" + CONTENT[1:])
    repository.ranges.clear()
    fetch(wanted, settings, said)
    assert CONTENT == damaged.read_bytes()
    assert [None] == repository.ranges


def test_a_download_that_breaks_off_goes_on_where_it_stopped(
    repository: Repository, settings: Settings, said: list[str]
) -> None:
    """The rest is asked for, and the whole has the right sum."""
    wanted = [repository.artifact("a.jar")]
    repository.cut_after = [600_000]
    (file,) = fetch(wanted, settings, said)
    assert CONTENT == file.read_bytes()
    (first, second) = repository.ranges
    assert first is None
    assert second is not None
    assert 500_000 < int(second.removeprefix("bytes=").rstrip("-")) <= 600_000


def test_a_later_run_goes_on_where_an_earlier_one_was_killed(
    repository: Repository, settings: Settings, said: list[str]
) -> None:
    """What it left in the file ending in .part is not downloaded again."""
    wanted = [repository.artifact("a.jar")]
    part = settings.cache / "jars" / "a.jar.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1000])
    (file,) = fetch(wanted, settings, said)
    assert CONTENT == file.read_bytes()
    assert ["bytes=1000-"] == repository.ranges
    assert not part.exists()


def test_a_server_without_ranges_is_asked_for_the_whole(
    repository: Repository, settings: Settings, said: list[str]
) -> None:
    """Its answer 200 begins anew: nothing is appended to what was there."""
    repository.understands_ranges = False
    wanted = [repository.artifact("a.jar")]
    repository.cut_after = [600_000]
    (file,) = fetch(wanted, settings, said)
    assert CONTENT == file.read_bytes()


def test_a_wrong_rest_is_thrown_away(repository: Repository, settings: Settings, said: list[str]) -> None:
    """A .part of other content, even one that is too long, does not spoil the download for ever."""
    wanted = [repository.artifact("a.jar")]
    part = settings.cache / "jars" / "a.jar.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * (len(CONTENT) + 1))
    (file,) = fetch(wanted, settings, said)
    assert CONTENT == file.read_bytes()


def test_a_file_with_another_sum_is_refused(
    repository: Repository, settings: Settings, said: list[str]
) -> None:
    """What arrives is not what is pinned: one plain message, and nothing is left in its place."""
    wanted = [replace(repository.artifact("org/a-1.jar"), sum="0" * 64)]
    with pytest.raises(
        KitError,
        match=r"a-1\.jar cannot be downloaded from http://.*: what arrives does not have the SHA-256",
    ):
        fetch(wanted, settings, said)
    assert [] == list(settings.cache.rglob("*.jar*"))


def test_a_server_error_is_tried_again(repository: Repository, settings: Settings, said: list[str]) -> None:
    """A 503 in passing is no failure."""
    wanted = [repository.artifact("a.jar")]
    repository.statuses = [503]
    (file,) = fetch(wanted, settings, said)
    assert CONTENT == file.read_bytes()


def test_no_network_and_nothing_cached_is_one_plain_message(settings: Settings, said: list[str]) -> None:
    """It says which file, from where, why, and what to do."""
    nowhere = replace(settings, maven_url="http://127.0.0.1:1")
    with pytest.raises(KitError, match="refused") as caught:
        fetch([Artifact("a.jar", "0" * 64)], nowhere, said)
    assert caught.value.what.startswith("a.jar cannot be downloaded from http://127.0.0.1:1: ")
    assert 1 == len(caught.value.what.splitlines())
    assert caught.value.hint is not None
    assert "LABKIT_MAVEN_URL" in caught.value.hint


def test_offline_and_not_cached_says_so(repository: Repository, settings: Settings, said: list[str]) -> None:
    """With LABKIT_OFFLINE no connection is tried."""
    wanted = [repository.artifact("a.jar")]
    with pytest.raises(
        KitError, match=r"^Kafka is not all in .* \(missing: 1 file\), and LABKIT_OFFLINE is set"
    ):
        fetch(wanted, replace(settings, offline=True), said)
    assert [] == repository.ranges


def test_a_cache_that_cannot_be_written_says_so(
    repository: Repository, settings: Settings, said: list[str]
) -> None:
    """A file stands where its folder should be."""
    settings.cache.write_text("in the way")
    with pytest.raises(KitError, match=r"cannot be stored in .*: Not a directory\.\n.*LABKIT_CACHE"):
        fetch([repository.artifact("a.jar")], settings, said)


def test_two_at_once_share_one_download(repository: Repository, settings: Settings, said: list[str]) -> None:
    """Of two that want the same at the same time, one downloads; both have it."""
    wanted = [repository.artifact(f"{i}.jar") for i in range(20)]
    got: list[list[Path]] = []
    threads = [threading.Thread(target=lambda: got.append(fetch(wanted, settings, said))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert 2 == len(got)
    assert all(CONTENT == file.read_bytes() for files in got for file in files)
    assert 20 == len(repository.ranges)


@pytest.mark.parametrize(
    ("server", "jar"),
    [
        ("kafka", f"kafka_2.13-{kafka.VERSION}.jar"),
        ("opensearch", f"opensearch-{search.OPENSEARCH}.jar"),
        ("elasticsearch", f"elasticsearch-{search.ELASTICSEARCH}.jar"),
    ],
)
def test_the_lock_pins_the_version_that_is_told(server: str, jar: str) -> None:
    """`jars.lock` and the service's own file name the same server."""
    assert jar in [str(artifact) for artifact in download.artifacts(server)]


def test_every_sum_of_the_lock_is_a_sha256() -> None:
    """64 hexadecimal digits each, and no file twice in a section."""
    for server in ("kafka", "opensearch", "elasticsearch"):
        artifacts = download.artifacts(server)
        assert len(artifacts) == len({artifact.path for artifact in artifacts})
        assert all(32 == len(bytes.fromhex(artifact.sum)) for artifact in artifacts)
