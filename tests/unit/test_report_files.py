"""A report is there whole or not at all, and an earlier one survives every failure to write."""

import json
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from report_samples import half_done, stubs

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host.locks import alone_in
from pytest_labkit.report import files, published, write

NAMES = ["junit.xml", "report.html", "report.json", "report.md"]


def content(folder: Path) -> dict[str, bytes]:
    """Every file in *folder*, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_write_makes_four_files_and_their_folder(tmp_path: Path) -> None:
    """The folder of the lab is made, with the four files and nothing else."""
    place = write(published(half_done()), tmp_path / "new" / "reports")

    assert tmp_path / "new" / "reports" / "lab3" == place
    assert NAMES == sorted(content(place))
    assert 15 == json.loads((place / "report.json").read_bytes())["points"]["earned"]


def test_write_replaces_the_report_before(tmp_path: Path) -> None:
    """The second report is the one that is there, in every format."""
    before = content(write(published(half_done()), tmp_path))
    after = content(write(published(stubs()), tmp_path))

    assert NAMES == sorted(after)
    assert not [name for name in NAMES if before[name] == after[name]]


def test_files_are_readable_as_the_umask_says(tmp_path: Path) -> None:
    """A report is no secret: a web server or a teacher may read it."""
    before = os.umask(0o022)
    try:
        place = write(published(half_done()), tmp_path)
    finally:
        os.umask(before)

    assert {0o644} == {path.stat().st_mode & 0o777 for path in place.iterdir()}


def test_link_in_a_file_s_place_is_replaced(tmp_path: Path) -> None:
    """A symbolic link called report.json is replaced; what it pointed to is untouched."""
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    place = tmp_path / "lab3"
    place.mkdir()
    (place / "report.json").symlink_to(precious)
    write(published(half_done()), tmp_path)

    assert "mine" == precious.read_text()
    assert not (place / "report.json").is_symlink()


def test_linked_folder_is_refused(tmp_path: Path) -> None:
    """A symbolic link called lab3 is not followed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "lab3").symlink_to(elsewhere)

    with pytest.raises(KitError, match=r"lab3: the folder is a symbolic link, which is not followed\."):
        write(published(half_done()), tmp_path)
    assert {} == content(elsewhere)


def test_folder_below_a_file_is_told(tmp_path: Path) -> None:
    """--lab-report names something below a file."""
    (tmp_path / "file").write_text("")

    with pytest.raises(
        KitError, match=r"file/lab3: a part of that path is a file, not a folder\.\nName another"
    ):
        write(published(half_done()), tmp_path / "file")


def test_file_in_the_folder_s_place_is_told(tmp_path: Path) -> None:
    """A file is where the lab's folder belongs; it stays."""
    (tmp_path / "lab3").write_text("mine")

    with pytest.raises(
        KitError, match=r"that path is a file, not a folder\.\nName another folder with --lab-rep"
    ):
        write(published(half_done()), tmp_path)
    assert "mine" == (tmp_path / "lab3").read_text()


def test_folder_in_a_file_s_place_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    """If one of the files cannot take its place, none does."""
    place = write(published(half_done()), tmp_path)
    (place / "report.json").unlink()
    (place / "report.json").mkdir()
    before = (place / "report.html").read_bytes()

    with pytest.raises(KitError, match="a folder is in the place of the file"):
        write(published(stubs()), tmp_path)
    assert before == (place / "report.html").read_bytes()
    assert NAMES == sorted(path.name for path in place.iterdir())


def in_a_child(
    code: str, *arguments: object, bound: Sequence[str] = (), **options: object
) -> subprocess.CompletedProcess[str]:
    """Run *code* in a Python of its own, which finds the kit and the samples as this one does."""
    prefix = bound if os.geteuid() == 0 else ()
    path = os.pathsep.join([str(Path(files.__file__).parents[2]), str(Path(__file__).parent)])
    return subprocess.run(
        # No bytecode: one written under a limit on file sizes would be torn, and stay.
        [*prefix, sys.executable, "-B", "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


WRITE = """
import sys
from pathlib import Path
from report_samples import stubs
from pytest_labkit.domain.errors import KitError
from pytest_labkit.report import published, write
try:
    write(published(stubs()), Path(sys.argv[1]))
except KitError as error:
    sys.exit(str(error))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits of this kind")
def test_write_that_breaks_off_leaves_the_report_before(tmp_path: Path) -> None:
    """The system refuses to write after 4,096 bytes: the old report stays whole, no rest is left."""
    before = content(write(published(half_done()), tmp_path))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    child = in_a_child(WRITE, tmp_path, preexec_fn=limit)

    assert (
        f"The report could not be written to {tmp_path}/lab3: the file would be larger than this process "
        "may write.\nName another folder with --lab-report, then run again; a report from an earlier run is "
        "as it was.\n"
    ) == child.stderr
    assert before == content(tmp_path / "lab3")


@pytest.fixture
def full_disk(tmp_path: Path):
    """A file system of 64 KiB, which a report does not fit into twice; needs root on Linux."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mounted)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if done.returncode:
        pytest.skip("a file system can only be mounted by root; RLIMIT_FSIZE tests the same path")
    yield mounted
    subprocess.run(["umount", "-l", str(mounted)], check=True)


def test_full_disk_leaves_the_report_before(full_disk: Path) -> None:
    """On a disk without room for the new report the old one stays whole, and no rest is left."""
    before = content(write(published(half_done()), full_disk))
    (full_disk / "ballast").write_bytes(b"\0" * 16_384)

    with pytest.raises(
        KitError, match=r"the disk is full\.\nFree some space, then run again; a report from an"
    ):
        write(published(stubs()), full_disk)
    assert before == content(full_disk / "lab3")


def test_read_only_disk_is_told(full_disk: Path) -> None:
    """On a disk that was mounted read-only the message says so, and the old report stays."""
    before = content(write(published(half_done()), full_disk))
    subprocess.run(["mount", "-o", "remount,ro", str(full_disk)], check=True)

    with pytest.raises(KitError, match="lab3: the disk is read-only"):
        write(published(stubs()), full_disk)
    assert before == content(full_disk / "lab3")


def test_read_only_folder_is_told(tmp_path: Path) -> None:
    """In a folder without write permission the message says so, and the old report stays."""
    before = content(write(published(half_done()), tmp_path))
    (tmp_path / "lab3").chmod(0o555)
    # Root may write anywhere, by a capability that can be taken from a child (util-linux, on every Linux).
    child = in_a_child(WRITE, tmp_path, bound=["setpriv", "--bounding-set", "-dac_override"])

    assert child.stderr.startswith(
        f"The report could not be written to {tmp_path}/lab3: the folder may not be written to.\nName another"
    )
    assert before == content(tmp_path / "lab3")


KILLED = """
import os, signal, sys
from pathlib import Path
from report_samples import stubs
from pytest_labkit.report import published, write
renames = int(sys.argv[2])
def replace(self, target, real=Path.replace):
    global renames
    if renames == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    renames -= 1
    return real(self, target)
Path.replace = replace
write(published(stubs()), Path(sys.argv[1]))
"""


@pytest.mark.parametrize("renames", [0, 3])
def test_killed_write_leaves_whole_files(tmp_path: Path, renames: int) -> None:
    """Killed before the first or the last file takes its place: each is whole, report.json is the old one."""
    place = write(published(half_done()), tmp_path)
    before = content(place)
    child = in_a_child(KILLED, tmp_path, renames)
    after = content(place)
    whole = content(write(published(stubs()), tmp_path / "other"))

    assert -signal.SIGKILL == child.returncode
    assert before["report.json"] == after["report.json"]
    assert renames == sum(after[name] == whole[name] for name in NAMES)
    assert 4 - renames == sum(after[name] == before[name] for name in NAMES)


def test_rests_of_killed_writes_are_swept_up(tmp_path: Path) -> None:
    """What a killed write left is removed by a later one, an hour on; a fresh one may be in use."""
    write(published(half_done()), tmp_path)
    in_a_child(KILLED, tmp_path, 0)
    rests = [path for path in (tmp_path / "lab3").iterdir() if path.name not in NAMES]
    write(published(half_done()), tmp_path)
    kept = [path for path in rests if path.exists()]
    for path in rests:
        os.utime(path, (time.time() - 4000,) * 2)
    write(published(half_done()), tmp_path)

    assert 4 == len(rests)
    assert rests == kept
    assert NAMES == sorted(content(tmp_path / "lab3"))


MANY = """
import sys
from pathlib import Path
from report_samples import half_done, stubs
from pytest_labkit.report import published, write
print("here", flush=True)
sys.stdin.readline()
for _ in range(40):
    write(published({"half": half_done, "stubs": stubs}[sys.argv[2]]()), Path(sys.argv[1]))
"""


def test_two_runs_that_end_at_once_do_not_mix(tmp_path: Path) -> None:
    """Whoever looks while nobody writes sees the four files of one run."""
    wholes = [
        content(write(published(report()), tmp_path / str(n))) for n, report in enumerate((half_done, stubs))
    ]
    command = [sys.executable, "-c", MANY, str(tmp_path)]
    runs = [
        subprocess.Popen(
            [*command, which],
            cwd=Path(__file__).parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for which in ("half", "stubs")
    ]
    for run in runs:
        assert run.stdout is not None
        assert "here\n" == run.stdout.readline()
    for run in runs:
        run.stdin.write("go\n")  # type: ignore[union-attr]
        run.stdin.flush()  # type: ignore[union-attr]
    seen = []
    while any(run.poll() is None for run in runs):
        if (tmp_path / "lab3").is_dir():
            with alone_in(tmp_path / "lab3"):
                seen.append({name: (tmp_path / "lab3" / name).read_bytes() for name in NAMES
                             if (tmp_path / "lab3" / name).exists()})  # fmt: skip
    for run in runs:
        run.communicate()
    assert 10 < len(seen)
    assert all(files in wholes for files in seen if files)


def test_f12_a_name_leads_only_to_what_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file is flushed before the first is renamed, and the folder after the last: as a disk sees it."""
    seen: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def flushed(descriptor: int) -> None:
        seen.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        seen.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    write(published(half_done()), tmp_path)
    assert ["file"] * 4 + ["rename"] * 4 + ["folder"] == seen
