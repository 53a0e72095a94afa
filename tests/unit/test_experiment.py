"""What an experiment may say, and what is said of one that may not be run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_labkit.chaos import experiment, reading
from pytest_labkit.domain.errors import Mistake

SERVICES, WAYS = ("order", "payment"), ("order-payment",)
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
    return reading.read(file, SERVICES, WAYS)


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
