"""No room on the disk: what has finished is shown, an earlier report stays, and the exit code says it."""

from __future__ import annotations

import errno
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.infrastructure.conftest import TESTS, Course, eventually


def limit(most: int) -> Callable[[], None]:
    """In a child: no file may be larger than *most* bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def fill(disk: Path) -> None:
    """Leave not a byte."""
    with (disk / "ballast").open("wb", buffering=0) as ballast:
        try:
            while ballast.write(b"\0" * 512):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


@pytest.fixture
def small_disk(course: Course) -> Iterator[Path]:
    """A file system of 256 KiB in the place of `.labkit`; needs root on Linux."""
    place = course.root / ".labkit"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system needs root on Linux")
    yield place
    # A guard may look into it for half a second more, and longer where the machine is busy.
    assert eventually(lambda: subprocess.run(["umount", str(place)], check=False).returncode == 0)


def test_f11_a_disk_that_fills_up_in_a_run(course: Course, small_disk: Path) -> None:
    """The journal gives up once and says so, the verdicts are on the terminal, exit code 20."""
    course.run("-k", "nothing")
    before = course.report
    more = TESTS.replace("def test_more(answers, redis)", "def test_more(answers, redis, number)")
    more = more.replace(
        '@pytest.mark.criterion("A3")',
        '@pytest.mark.parametrize("number", range(40))\n@pytest.mark.criterion("A3")',
    )
    course.tests = more  # so many do not fit into what is left of a block
    run = course.until_it_waits()
    fill(small_disk)
    (course.root / "go").touch()
    said, _ = run.communicate(timeout=60)
    said = " ".join(said.split())
    assert 20 == run.returncode
    assert 1 == said.count("The journal cannot be written (No space left on device): if this run is killed")
    assert "7 of 7 points" in said
    assert f"The report could not be written to {small_disk}/reports/tiny: the disk is full." in said
    assert before == course.report
    assert ([], []) == (course.left(), course.notes())


def test_f11_files_may_not_grow(course: Course) -> None:
    """RLIMIT_FSIZE, as a quota on a shared machine: exit code 20, no traceback, the old report stays."""
    course.run("-k", "nothing")
    before = course.report
    code, said = course.run("-k", "nothing", preexec_fn=limit(3000))
    assert 20 == code
    assert "the file would be larger than this process may write." in said
    assert "Traceback" not in said
    assert before == course.report
    assert eventually(lambda: [] == course.left())


def test_a_service_without_room_is_unknown(course: Course, small_disk: Path) -> None:
    """Its note cannot be written: nothing is started that nobody would know of."""
    fill(small_disk)
    code, said = course.run()
    assert 20 == code
    assert "redis cannot be started: No space left on device" in said
    assert "Traceback" not in said
    assert [] == course.servers()
