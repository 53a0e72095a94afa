"""Each promise of a lab's contract has an id, a place, a test, a mutant, and a stub that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_labkit.course import promises
from pytest_labkit.domain.model import Criterion, Lab, Part

README = """\
# A lab

- `A1.1` What is appended comes back,
  in order. `A1.2` Nothing else comes back.
- `A1.3` The third.

Text beside it.

| `A2.1` a row | of a table |
"""
ALL = {"A1.1": ["x"], "A1.2": ["x"], "A1.3": ["x"], "A2.1": ["x"]}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab that is whole."""
    (tmp_path / "README.md").write_text(README, "utf-8")
    (tmp_path / "store.py").write_text('"""Promises A1.1 to A1.3 and A2.1."""', "utf-8")
    criteria = tuple(Criterion(id_, "A", "t", 1) for id_ in ("A1", "A2"))
    return Lab("lab9", "L", tmp_path, "lab9", (Part("A", "P", 1),), criteria, (), ("store.py",))


def rewrite(lab: Lab, old: str, new: str, file: str = "README.md") -> None:
    """Replace *old* in a file of the lab."""
    path = lab.folder / file
    assert old in path.read_text("utf-8")
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")


def test_a_promise_is_a_sentence_with_a_place(lab: Lab) -> None:
    """A promise goes from its id to the next one, or to the end of its paragraph, item or row."""
    assert [
        "A1.1 (lab9/README.md:3) What is appended comes back, in order.",
        "A1.2 (lab9/README.md:4) Nothing else comes back.",
        "A1.3 (lab9/README.md:5) The third.",
        "A2.1 (lab9/README.md:9) a row | of a table |",
    ] == [str(promise) for promise in promises.read(lab)]


def test_ids_in_a_row_share_a_sentence(lab: Lab) -> None:
    """Promises of several criteria may be one sentence."""
    rewrite(lab, "`A1.3` The third.", "`A1.3` `A2.2` Both.")
    assert ["Both.", "Both."] == [one.text for one in promises.read(lab) if one.id in ("A1.3", "A2.2")]


def test_a_lab_without_ids_promises_nothing(lab: Lab) -> None:
    """A README without ids, or none at all, has no promises."""
    (lab.folder / "README.md").write_text("Nothing.\n", "utf-8")
    assert [] == promises.read(lab)
    (lab.folder / "README.md").unlink()
    assert [] == promises.read(lab)


def test_nothing_is_wrong_with_a_whole_lab(lab: Lab) -> None:
    """Where each promise is tested, broken and named there is no problem."""
    assert [] == list(promises.problems(lab, ALL, ALL))


@pytest.mark.parametrize(
    ("old", "new", "file", "told"),
    [
        ("A1.3 and A2.1", "A1.3", "store.py", "lab9/README.md:9: A2.1 is named in no stub"),
        ("`A1.3`", "`A1.2`", "README.md", "lab9/README.md:5: A1.2 is there twice, at lab9/README.md:4 too"),
        ("`A2.1`", "`B1.1`", "README.md", "lab9/README.md:9: B1.1 is of no criterion of lab.toml"),
    ],
)
def test_a_mistake_is_named_with_its_line(lab: Lab, old: str, new: str, file: str, told: str) -> None:
    """A promise that no stub names, that is there twice, or whose criterion there is not is named."""
    rewrite(lab, old, new, file)
    assert told in list(promises.problems(lab, ALL, ALL))


def test_a_promise_needs_a_test_and_a_mutant(lab: Lab) -> None:
    """A promise without a test, or without a mutant, is named."""
    without = {id_: tests for id_, tests in ALL.items() if id_ != "A1.2"}
    assert ["lab9/README.md:4: A1.2 is checked by no test"] == list(promises.problems(lab, without, ALL))
    assert ["lab9/README.md:4: A1.2 is broken by no mutant"] == list(promises.problems(lab, ALL, without))


def test_a_promise_that_is_twice_in_a_line_is_named(lab: Lab) -> None:
    """Where the sentence is the same, too."""
    rewrite(lab, "`A1.3` The third.", "`A1.3` `A1.3` The third.")
    told = "lab9/README.md:5: A1.3 is there twice, at lab9/README.md:5 too"
    assert [told] == list(promises.problems(lab, ALL, ALL))


def test_an_id_may_end_its_line(lab: Lab) -> None:
    """What is promised then begins in the next one."""
    rewrite(lab, "`A1.3` The", "`A1.3`\n  The")
    assert "A1.3 (lab9/README.md:5) The third." in map(str, promises.read(lab))


def test_a_range_names_all_that_is_in_it() -> None:
    """`A1.9 to A1.11` names three promises, a list names its own."""
    assert {"A1.9", "A1.10", "A1.11", "B2.1"} == promises.named_in("see A1.9 to A1.11, and B2.1.")
