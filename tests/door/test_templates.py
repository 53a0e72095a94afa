"""What children are made from: a template that is warm, and safe to fork, or else a Python of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_labkit.answers import AnswerDied
from pytest_labkit.answers.child import children as module
from pytest_labkit.answers.child.children import Children, TemplateProcess
from pytest_labkit.answers.child.preload import Preload
from pytest_labkit.course.imports import on_their_own, third_party
from tests.door.conftest import LittleLab
from tests.door.test_endings import until

SOURCE = """
import os, boto3
import botocore.config as config
from fastavro.schema import load_schema, parse_schema
from labs.lab3.events import Event
import pytest
def later():
    import redis
"""


def test_what_a_lab_imports_is_read_from_its_syntax(tmp_path: Path) -> None:
    """Third parties at the top of a file are found; nothing is run, and a broken file has none."""
    good, broken = tmp_path / "good.py", tmp_path / "broken.py"
    good.write_text(SOURCE)
    broken.write_text("import boto3\ndef")
    found = third_party([good, broken, tmp_path / "missing.py"], "labs.lab3")
    assert ["boto3", "botocore.config", "fastavro.schema:load_schema,parse_schema"] == found


def test_given_files_that_use_no_students_are_known(tmp_path: Path) -> None:
    """A given file that imports a student's, or another that does, at any depth, is not loaded early."""
    texts = {
        "events": "import pydantic",
        "rules": "from lab.events import Event",
        "driver": "def run():\n    from lab.work import f",
        "loop": "import lab.driver",
        "here": "from . import events",
        "checking": "from pytest_labkit import expect",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    files = {f"lab.{name}": tmp_path / f"{name}.py" for name in texts}
    assert ["lab.events", "lab.rules"] == on_their_own(files, "lab")


def test_a_package_with_a_thread_is_not_forked() -> None:
    """A template in which an import started a thread says so."""
    template = TemplateProcess(Preload(modules=("tests.door.threaded",)), os.environ)
    try:
        assert template.is_safe is False
    finally:
        template.close()


def test_children_come_from_a_cold_template_then(lab: LittleLab) -> None:
    """Where the warm template is not safe, children come from one that has imported nothing."""
    lab.children = Children(Preload(modules=("tests.door.threaded",)))
    text = "import sys\ndef loaded(): return 'tests.door.threaded' in sys.modules"
    try:
        assert lab.open(text).work.loaded() is False
    finally:
        lab.children.close()


def test_a_template_is_warm(lab: LittleLab) -> None:
    """What the template has imported, a child has at its start."""
    lab.children = Children(Preload(modules=("wave", "no_such_package", "xml.dom:minidom")))
    try:
        loaded = lab.open("import sys\ndef loaded(name): return name in sys.modules").work.loaded
        assert [True, True, False] == [loaded(name) for name in ("wave", "xml.dom.minidom", "mailbox")]
    finally:
        lab.children.close()


def test_a_child_stands_ready_before_the_first_test(lab: LittleLab) -> None:
    """A run that is told early which children it will need has one of the first kind by then."""
    lab.children = Children(Preload())
    try:
        lab.children.warm("answers", "another")
        ready = lab.children._ahead["answers"]
        assert ["answers"] == list(lab.children._templates)
        assert ready is lab.children.start("answers")
        assert ["answers", "another"] == list(lab.children._templates)
        ready.end()
        ready.connection.close()
    finally:
        lab.children.close()


def test_a_cold_child_takes_the_place_of_one_that_is_not_safe(lab: LittleLab) -> None:
    """One that stood ready goes with its template, if that turns out to have a thread."""
    lab.children = Children(Preload(modules=("tests.door.threaded",)))
    try:
        lab.children.warm("answers")
        text = "import sys\ndef loaded(): return 'tests.door.threaded' in sys.modules"
        assert lab.open(text).work.loaded() is False
    finally:
        lab.children.close()


FAULTS = """
import resource
def faults():
    import boto3
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
"""


def test_a_child_that_waits_rehearses(lab: LittleLab) -> None:
    """One that had the time is given fewer than half the pages when it makes a client: it has its own."""
    plain = Children(Preload(modules=("tests.door.warmed",)))
    rehearsing = Children(Preload(modules=("tests.door.warmed",), clients=("dynamodb",)))

    def faults(children: Children) -> int:
        lab.children = children
        return int(lab.open(FAULTS).work.faults())

    try:
        expected = faults(plain) / 2
        until(lambda: faults(rehearsing) < expected)
    finally:
        plain.close()
        rehearsing.close()


def test_without_fork_each_child_is_a_python_of_its_own(
    lab: LittleLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no safe fork, a child is started anew: it answers, calls back and ends the same."""
    monkeypatch.setattr(module, "CAN_FORK", False)
    answers = lab.open("import os\ndef f(g): return g(os.getppid())\ndef die(): os._exit(4)")
    assert os.getpid() == answers.work.f(lambda pid: pid)
    assert [] == answers.stacks()
    other = lab.open("import os\ndef die(): os._exit(4)")
    with pytest.raises(AnswerDied, match=r"ended with exit status 4 in work\.die"):
        other.work.die()
