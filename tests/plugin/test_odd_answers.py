"""Files that Python or an editor makes something odd of: each ends in a verdict, the same in both doors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.plugin.conftest import RIGHT, TinyLab

SUM = f"TOTAL = {' + '.join(['1'] * 2900)}\n"
CHAIN = f"TEXT = ''{'.strip()' * 900}\n"
NOT_LOADED = {
    "UTF-16": RIGHT.encode("utf-16"),
    "UTF-16 without a mark": RIGHT.encode("utf-16-le"),
    "UTF-32": RIGHT.encode("utf-32"),
    "NUL": RIGHT.encode() + b"\0\n",
    "no UTF-8": b'NAME = "\xe9"\n' + RIGHT.encode(),
    "unknown cookie": b"# coding: klingon\n" + RIGHT.encode(),
    "mark against cookie": b"\xef\xbb\xbf# coding: latin-1\n" + RIGHT.encode(),
    "too deep a sum": f"TOTAL = {' + '.join(['1'] * 20000)}\n{RIGHT}".encode(),
    "too deep a sign": f"TOTAL = {'-' * 100_000}1\n{RIGHT}".encode(),
}
LOADED = {
    "sum": (SUM + RIGHT).encode(),
    "chain": (CHAIN + RIGHT).encode(),
    "mark": b"\xef\xbb\xbf" + RIGHT.encode(),
    "latin-1 by cookie": b'# coding: latin-1\nNAME = "\xe9"\n' + RIGHT.encode(),
    "carriage returns": RIGHT.replace("\n", "\r\n").encode(),
}
DOORS = ("direct", "process")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("content", NOT_LOADED.values(), ids=NOT_LOADED.keys())
def test_a_file_that_python_does_not_take_is_an_error(content: bytes, door: str, lab: TinyLab) -> None:
    """Of the student's: the message names the file, pytest ends in 1."""
    (lab.folder / "calc.py").write_bytes(content)
    result = lab.run("--lab-door", door, "--lab-criterion", "A1")
    assert (1, "error") == (result.ret, lab.verdicts["A1"])
    assert lab.message("A1")["got"].startswith("SyntaxError: ")
    assert lab.message("A1")["look_at"].startswith("labs/tiny/calc.py")
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("content", LOADED.values(), ids=LOADED.keys())
def test_a_file_that_python_takes_is_judged(content: bytes, door: str, lab: TinyLab) -> None:
    """By what it does, however it is written down."""
    (lab.folder / "calc.py").write_bytes(content)
    assert 22 == lab.run("--lab-door", door, "-m", "not timed").ret
    assert {"A1": "passed", "A2": "passed", "A3": "unknown"} == lab.verdicts


@pytest.mark.parametrize("door", DOORS)
def test_another_file_is_told_of_too(door: str, lab: TinyLab) -> None:
    """Of two files the one is named that cannot be loaded, not the one that imports it."""
    lab.write("calc.py", f"from labs.tiny import notes\n{RIGHT}")
    (lab.folder / "notes.py").write_bytes(b"x = 1\n\0")
    lab.run("--lab-door", door, "--lab-criterion", "A1")
    assert ("error", "labs/tiny/notes.py") == (lab.verdicts["A1"], lab.message("A1")["look_at"])


def test_utf_16_has_a_likely_cause(lab: TinyLab) -> None:
    """The message says what to do with the file."""
    (lab.folder / "calc.py").write_bytes(RIGHT.encode("utf-16"))
    lab.run("--lab-criterion", "A1")
    assert "save it again, with the encoding UTF-8" in lab.message("A1")["perhaps"]


@pytest.mark.parametrize(
    "mark", [b"\xef\xbb\xbf", b'# coding: latin-1\nNAME = "\xe9"\n'], ids=["BOM", "cookie"]
)
def test_look_at_keeps_its_line(mark: bytes, lab: TinyLab) -> None:
    """A mark or a cookie before the text does not hide where a function is."""
    (lab.folder / "calc.py").write_bytes(mark + RIGHT.replace("a + b", "a - b").encode())
    lab.run("--lab-criterion", "A1")
    assert f"labs/tiny/calc.py:{2 + mark.count(10)}" == lab.message("A1")["look_at"]


# A folder of answers in which nothing is what the lab asks for

SAID = {
    "empty": ("", "it is empty"),
    "other case": ("Calc.py", "Calc.py has to be called calc.py"),
    "with .txt": ("calc.py.txt", "calc.py.txt has to be called calc.py, without .txt"),
    "archive": ("hand-in.ZIP", "hand-in.ZIP is an archive: unpack it"),
    "nested": ("labs/tiny/calc.py", "such files lie in {folder}/labs/tiny: name that folder"),
    "deeper": ("work/final/calc.py", "such files lie in {folder}/work/final: name that folder"),
    "beside": ("tiny/readme.md calc.py", "such files lie beside tiny/, and only that is looked into"),
    "folder": ("calc.py/", "calc.py is a folder"),
    "link": ("calc.py@", "calc.py is a symbolic link, which is not followed"),
    "dead link": ("calc.py!", "calc.py is a symbolic link, which is not followed"),
    "other files": ("a.md b.ipynb", "it holds a.md, b.ipynb; tiny asks for calc.py, notes.py"),
}


@pytest.mark.parametrize(("there", "said"), SAID.values(), ids=SAID.keys())
def test_nothing_taken_is_said(there: str, said: str, lab: TinyLab) -> None:
    """With what is there instead; the verdicts are those of the lab's own files."""
    folder = lab.root / "mine"
    folder.mkdir()
    for name in there.split():
        _make(folder, name)
    result = lab.run("--lab-answers", "mine", "--lab-criterion", "A1")
    note = lab.report["notes"][0]
    assert note.startswith(f"No file of tiny was taken from {folder}")
    assert said.format(folder=folder) in note
    assert 1 == result.ret
    assert "No file of tiny was taken" in result.stdout.str()


def _make(folder: Path, name: str) -> None:
    path = folder / name.rstrip("/@!")
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith("/"):
        path.mkdir()
    elif name.endswith("@"):
        (folder.parent / "elsewhere.py").write_text(RIGHT)
        path.symlink_to(folder.parent / "elsewhere.py")
    elif name.endswith("!"):
        path.symlink_to(folder / "nowhere.py")
    else:
        path.write_text(RIGHT)


def test_a_pipe_is_no_file(lab: TinyLab) -> None:
    """It is named, and never opened."""
    (lab.root / "mine").mkdir()
    os.mkfifo(lab.root / "mine" / "calc.py")
    lab.run("--lab-answers", "mine", "--lab-criterion", "A1")
    assert "calc.py is no ordinary file" in lab.report["notes"][0]


def test_one_file_of_two_that_is_misnamed_is_said(lab: TinyLab) -> None:
    """Also where others were taken."""
    lab.answers("mine", "calc.py", RIGHT)
    lab.answers("mine", "Notes.py", "")
    lab.run("--lab-answers", "mine", "--lab-criterion", "A1")
    assert (
        f"Not taken from {lab.root / 'mine'}: Notes.py has to be called notes.py." == lab.report["notes"][0]
    )


def test_an_archive_is_no_folder(lab: TinyLab) -> None:
    """To name one is wrong usage, which says what to do."""
    (lab.root / "mine.zip").touch()
    result = lab.run("--lab-answers", "mine.zip")
    assert 4 == result.ret
    result.stderr.fnmatch_lines(["*mine.zip is no folder, but a file: an archive has to be unpacked."])
