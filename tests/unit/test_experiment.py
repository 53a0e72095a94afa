"""What an experiment may say, and what is said of one that may not be run."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from pytest_labkit.chaos import experiment, named, reading
from pytest_labkit.domain.errors import Mistake

SERVICES, WAYS = ("order", "payment"), ("order-payment",)
PROBES = {"breaker_state": "breaker"}
OFTEN = "a: &a [x]\n" + "".join(
    f"{this}: &{this} [{', '.join([f'*{before}'] * 50)}]\n" for before, this in pairwise("abcdefgh")
)
"""A list of a list of a list …, of 50 each: YAML's aliases make a trillion of 300 words."""

PROBE = """
  - type: probe
    name: look
    provider:
      {type: python, module: pytest_labkit.chaos.probes, func: breaker_state, arguments: {service: order}}
"""


def action(func: str, arguments: str, module: str = "pytest_labkit.chaos.actions") -> str:
    """A method of one action."""
    return f"""method:
  - type: action
    name: break it
    provider: {{type: python, module: {module}, func: {func}, arguments: {{{arguments}}}}}
"""


def read(tmp_path: Path, text: str) -> experiment.Experiment:
    """The experiment that says *text*."""
    file = tmp_path / "mine.yaml"
    file.write_text(text, "utf-8")
    return reading.read(file, SERVICES, WAYS, PROBES)


def test_activities_are_those_of_hypothesis_method_and_rollbacks(tmp_path: Path) -> None:
    """In their order."""
    text = (
        f"steady-state-hypothesis:\n  title: calm\n  probes:{PROBE}"
        + action("kill", "service: payment")
        + action("start", "service: payment").replace("method", "rollbacks")
    )
    found = read(tmp_path, text)
    assert ["breaker_state", "kill", "start"] == [experiment.called(a)[1] for a in found.activities()]


def test_nothing_is_an_experiment_without_activities(tmp_path: Path) -> None:
    """A file that says only a title can be read: a stub is one."""
    assert [] == list(read(tmp_path, "title: mine\nmethod: []\nrollbacks: null").activities())


def test_what_chaos_toolkit_allows_may_be_used(tmp_path: Path) -> None:
    """Values of the configuration, and one probe meant again by its name."""
    text = f"configuration: {{who: payment}}\nsteady-state-hypothesis:\n  title: calm\n  probes:{PROBE}"
    found = read(tmp_path, text + action("kill", "service: '${who}'") + "  - ref: look\n")
    assert ["breaker_state", "kill", ""] == [experiment.called(a)[1] for a in found.activities()]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1, 2", "mine.yaml: expected ',' or ']'.* in line 1"),
        ("- 1", "mine.yaml: a list"),
        ("", "mine.yaml: a NoneType"),
        ("method: kill", "mine.yaml: an action or probe|something else|'k'"),
        (action("kill", "service: pay"), "'break it' names 'pay'"),
        (action("explode", "service: payment"), "'break it' calls 'explode'"),
        (action("kill", "servce: payment"), "missing a required argument: 'service'|unexpected keyword"),
        (action("partition", "caller: payment, callee: order"), "the way from payment to order"),
        (action("system", "command: ls", "os"), "'break it' calls 'os'"),
        (
            "method:\n  - {type: action, name: run, provider: {type: process, path: ls}}",
            "'run' calls 'process'",
        ),
        (action("kill", "service: payment").replace("type: python", "type: process"), "calls 'process'"),
        ("method:\n  - ref: look", "no 'look' is there"),
        ("method:\n  - {ref: a, name: a, provider: {type: process, path: ls}}", "'a' calls 'process'"),
        ("method: &a [*a]", r"mine.yaml: \[\[\.\.\.\]\]"),
        ("method: " + "[" * 2000 + "]" * 2000, "mine.yaml: lists or mappings nested too deep"),
        ("title: x\nmethod: " + "{a: " * 2000 + "}" * 2000, "mine.yaml: lists or mappings nested too deep"),
        (OFTEN + "method: *h", r"mine.yaml: \[\[\.\.\.\]"),
        (OFTEN + "method: [{name: n, provider: {type: python, module: *h}}]", r"'n' calls '\[\[\.\.\.\]"),
        ("method: 2024-13-45", "mine.yaml: month must be in 1..12"),
        ("method: !!int x", "mine.yaml: invalid literal"),
        (action("kill", "service: payment") + "controls: [{name: mine}]", "mine.yaml: controls"),
        (action("kill", "service: payment") + "    controls: [{name: mine}]", "mine.yaml: controls"),
        ("configuration: {rate: {type: probe, name: x}}", "'rate' is"),
        (action("kill", "service: '${who}'") + "configuration: {who: nobody}", "'break it' names 'nobody'"),
        (
            f"steady-state-hypothesis:\n  probes:{PROBE}    tolerance: {{type: probe, provider: {{}}}}",
            "'look' calls one",
        ),
    ],
    ids=[
        *("no yaml", "list", "empty", "text", "service", "function", "argument", "way", "module", "process"),
        *(
            "process in disguise",
            "ref",
            "process behind a ref",
            "circle",
            "deep lists",
            "deep mappings",
            "aliases",
            "module of aliases",
            "no date",
            "no number",
            "controls",
            "controls of one",
            "computed",
            "filled in",
            "tolerance",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    """With the file, and what would be right."""
    with pytest.raises(Mistake, match=said) as raised:
        read(tmp_path, text)
    assert "\n" not in raised.value.got


def look(func: str) -> str:
    """A method of one probe."""
    return f"method:{PROBE}".replace("breaker_state", func)


def test_a_probe_of_the_lab_s_is_named_among_the_kit_s(tmp_path: Path) -> None:
    """In the order of the alphabet; how it is called is said as for any other."""
    known = "availability, breaker_state, is_healthy, processing_rate"
    with pytest.raises(Mistake, match="'look' calls 'braker_state'") as raised:
        read(tmp_path, look("braker_state"))
    assert f"one of {known}" == raised.value.expected
    with pytest.raises(Mistake, match="unexpected keyword argument 'wnated'") as raised:
        read(tmp_path, look("breaker_state").replace("{service: order}", "{service: order, wnated: OPEN}"))
    assert raised.value.expected.startswith(
        "'look' to call breaker_state(service: 'str', wanted: 'str | None'"
    )


def test_a_probe_of_another_lab_s_is_refused(tmp_path: Path) -> None:
    """A lab without probes of its own has the kit's."""
    file = tmp_path / "mine.yaml"
    file.write_text(look("breaker_state"), "utf-8")
    with pytest.raises(Mistake, match="'look' calls 'breaker_state'"):
        reading.read(file, SERVICES, WAYS, {})


def test_what_is_not_listed_is_not_called(tmp_path: Path) -> None:
    """Neither a private function of the kit's nor one that it only helps itself with."""
    for func in ("said_at", "reading", "_get", "__getattr__"):
        with pytest.raises(Mistake, match=f"'look' calls '{func}'"):
            read(tmp_path, look(func))


def test_by_hand_the_probes_of_the_labs_here_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`chaos validate`, in a checkout, finds a lab's probe in the module that the experiment names."""
    (tmp_path / "labs" / "lab9").mkdir(parents=True)
    plan = 'package = "x"\nprograms = []\n[probes]\nlevel_of = "level"\n'
    (tmp_path / "labs" / "lab9" / "system.toml").write_text(plan)
    monkeypatch.delenv(named.VARIABLE, raising=False)
    file = tmp_path / "mine.yaml"
    file.write_text(f"title: t\ndescription: d\n{look('level_of')}rollbacks: []\n")
    chaos = [
        sys.executable,
        "-m",
        "chaostoolkit",
        "--no-version-check",
        "--no-log-file",
        "validate",
        str(file),
    ]
    assert 0 == subprocess.run(chaos, cwd=tmp_path, check=False).returncode
    assert 0 != subprocess.run(chaos, cwd=tmp_path / "labs", check=False, capture_output=True).returncode


def test_the_kit_s_chaos_knows_the_probes_that_were_read(tmp_path: Path) -> None:
    """Wherever the file lies."""
    text = f"title: t\ndescription: d\n{look('breaker_state')}rollbacks: []\n"
    read(tmp_path, text).validate()
