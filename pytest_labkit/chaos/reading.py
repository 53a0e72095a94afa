"""
Experiments read from their files, and held to a system before anything is run.

An experiment is data: all that it may call is the kit's actions and probes. What else Chaos Toolkit would run
for one (controls, programs, pages, Python of anybody's) is refused.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pytest_labkit.chaos import named
from pytest_labkit.chaos.experiment import Activity, Experiment, called, shown
from pytest_labkit.domain.errors import KitError, Mistake

_MODULES = ("pytest_labkit.chaos.actions", "pytest_labkit.chaos.probes")
_SERVICES = ("service", "caller", "callee")  # arguments that name one


def read(
    file: Path, services: Collection[str], ways: Collection[str], probes: Mapping[str, str] | None = None
) -> Experiment:
    """
    The experiment in *file*, about a system with these *services* and *ways* (`order-payment`).

    *probes* are those that the lab has beside the kit's; if `None`, as `named.here` says.

    Raises:
        Mistake: It is no YAML, no experiment, calls what is not the kit's, or names what is not there.
    """
    experiment = Experiment(file, _content(file), named.here() if probes is None else probes)
    try:
        activities = list(experiment.activities())
        configuration = _configuration(file, experiment.content)
    except (AttributeError, TypeError):
        raise _wrong(file, "lists of probes and actions", "something else where they stand") from None
    names = [activity.get("name") for activity in activities if isinstance(activity, dict)]
    for activity in activities:
        if isinstance(activity, dict) and "ref" in activity and "provider" not in activity:
            if activity["ref"] not in names:
                raise _wrong(file, "ref to name a probe or action", f"no {shown(activity['ref'])} is there")
            continue
        _look_at(experiment, activity, configuration, services, ways)
    return experiment


def _content(file: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(file, "a file that can be read", str(error)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise _wrong(file, "YAML", f"{getattr(error, 'problem', None) or error}{where}") from None
    except RecursionError:
        raise _wrong(file, "an experiment", "lists or mappings nested too deep") from None
    except ValueError as error:  # a date of the 31st of February, which YAML does not look into
        raise _wrong(file, "YAML", str(error)) from None
    if not isinstance(content, dict):
        raise _wrong(file, "an experiment: a title, a hypothesis, a method", f"a {type(content).__name__}")
    _has_no_controls(file, content)
    return content


def _has_no_controls(file: Path, content: Any) -> None:
    """Raises `Mistake` if *content* has controls anywhere: Python that runs beside the activities."""
    waiting, seen = [content], set()  # each part once: YAML's aliases make circles, and much of little
    while waiting:
        part = waiting.pop()
        if id(part) in seen or not isinstance(part, dict | list):
            continue
        seen.add(id(part))
        if isinstance(part, dict) and "controls" in part:
            raise _wrong(file, "an experiment without controls", "controls")
        waiting += part.values() if isinstance(part, dict) else part


def _configuration(file: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """What stands for `${…}`: values as they are, no activity that would be run for one."""
    given = content.get("configuration") or {}
    for name, value in given.items():
        if isinstance(value, dict):
            raise _wrong(file, "a configuration of plain values", f"{shown(name)} is {shown(value)}")
    return dict(given)


def _look_at(
    experiment: Experiment,
    activity: Any,
    configuration: Mapping[str, Any],
    services: Collection[str],
    ways: Collection[str],
) -> None:
    """Raises `Mistake` unless *activity* calls one of the kit's functions as it can be called."""
    file = experiment.file
    if not isinstance(activity, dict) or not isinstance(activity.get("provider"), dict):
        raise _wrong(file, "an action or probe with a provider", shown(activity))
    name = shown(activity.get("name", "an activity"))
    function = _called(experiment, name, activity)
    tolerance = activity.get("tolerance")
    if isinstance(tolerance, dict) and "provider" in tolerance:
        raise _wrong(file, "a tolerance that is a value, a list or a range", f"{name} calls one")
    given = activity["provider"].get("arguments") or {}
    try:
        inspect.signature(function).bind(**given)
    except TypeError as error:
        raise _wrong(
            file, f"{name} to call {function.__name__}{inspect.signature(function)}", str(error)
        ) from None
    named = _filled_in({key: given[key] for key in _SERVICES if key in given}, configuration)
    for service in named.values():
        if service not in services:
            raise _wrong(file, f"one of {', '.join(services)}", f"{name} names {shown(service)}")
    if "caller" in named and f"{named['caller']}-{named['callee']}" not in ways:
        got = f"{name} names the way from {named['caller']} to {named['callee']}"
        raise _wrong(file, f"one of the ways {', '.join(ways)}", got)


def _called(experiment: Experiment, name: str, activity: Activity) -> Callable[..., Any]:
    """The kit's function that *activity* calls; raises `Mistake` if it calls anything else."""
    file = experiment.file
    module, func = called(activity)
    kind = activity["provider"].get("type")
    if module not in _MODULES or kind != "python":
        got = f"{name} calls {shown(module if kind == 'python' else kind)}"
        raise _wrong(file, f"actions and probes of {_MODULES[0]} and {_MODULES[1]}", got)
    if func not in (known := _functions(module, experiment.probes)):
        raise _wrong(file, f"one of {', '.join(known)}", f"{name} calls {shown(func)}")
    return known[func]


def _functions(module: str, added: Mapping[str, str]) -> dict[str, Callable[..., Any]]:
    if find_spec("chaostoolkit") is None:
        raise KitError("Chaos Toolkit is not installed.", "Run: pip install 'pytest-labkit[labs]'")
    from pytest_labkit.chaos import actions, probes

    if module == _MODULES[0]:
        return {name: getattr(actions, name) for name in actions.__all__}
    own = {name: probes.reading(name, key) for name, key in added.items()}
    return dict(sorted({**own, **{name: getattr(probes, name) for name in probes.__all__}}.items()))


def _filled_in(given: dict[str, Any], configuration: Mapping[str, Any]) -> dict[str, Any]:
    """*given* with what *configuration* has for `${…}` in it, as `chaos` will have it."""
    from chaoslib import substitute

    return dict(substitute(given, configuration, {}))


def _wrong(file: Path, expected: str, got: str) -> Mistake:
    return Mistake(checked="", expected=expected, got=f"experiments/{file.name}: {got}")
