"""Where a setting comes from: the command line, then the ini file, then the environment, then the default."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.host.settings import resolve


def test_the_defaults_touch_nothing(tmp_path: Path) -> None:
    """Backend auto, door direct, reports below the project, no answers but the lab's own."""
    made = resolve(tmp_path, environ={})
    assert ("auto", "direct") == (made.backend, made.door)
    assert tmp_path / ".labkit" / "reports" == made.report
    assert () == made.answers
    assert not made.offline
    assert [] == list(tmp_path.iterdir())


def test_the_command_line_wins_over_ini_and_environment(tmp_path: Path) -> None:
    """Each source is asked in turn."""
    options, ini, environ = {"backend": "docker"}, {"lab_backend": "local"}, {"LABKIT_BACKEND": "external"}
    assert "docker" == resolve(tmp_path, options=options, ini=ini, environ=environ).backend
    assert "local" == resolve(tmp_path, ini=ini, environ=environ).backend
    assert "external" == resolve(tmp_path, environ=environ).backend


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({"options": {"backend": "cloud"}}, r"^--lab-backend is 'cloud'\.\nIt must be one of auto, docker,"),
        ({"ini": {"lab_door": "open"}}, r"^lab_door in the ini file is 'open'\.\nIt must be one of direct,"),
        ({"environ": {"LABKIT_DOOR": "x"}}, r"^the environment variable LABKIT_DOOR is 'x'\."),
    ],
)
def test_a_wrong_value_names_where_it_stands(
    tmp_path: Path, sources: dict[str, dict[str, str]], message: str
) -> None:
    """And what it may be."""
    with pytest.raises(UsageProblem, match=message):
        resolve(tmp_path, **{"environ": {}, **sources})  # type: ignore[arg-type]


def test_answers_are_relative_to_where_the_command_was_typed(tmp_path: Path) -> None:
    """The model answers come after the folders that were named."""
    (tmp_path / "solutions").mkdir()
    (tmp_path / "here" / "mine").mkdir(parents=True)
    made = resolve(
        tmp_path, options={"answers": ("mine",), "solution": True}, environ={}, cwd=tmp_path / "here"
    )
    assert (tmp_path / "here" / "mine", tmp_path / "solutions") == made.answers


def test_a_missing_folder_of_answers_is_said_at_once(tmp_path: Path) -> None:
    """Before anything runs."""
    with pytest.raises(UsageProblem, match=r"There is no folder of answers at .*nowhere"):
        resolve(tmp_path, options={"answers": ("nowhere",)}, environ={})


def test_the_environment_says_where_downloads_come_from_and_go(tmp_path: Path) -> None:
    """LABKIT_CACHE, LABKIT_MAVEN_URL, LABKIT_NPM_URL and LABKIT_OFFLINE; 0 means not offline."""
    environ = {"LABKIT_CACHE": str(tmp_path), "LABKIT_MAVEN_URL": "http://127.0.0.1:1", "LABKIT_OFFLINE": "1"}
    made = resolve(tmp_path, environ=environ | {"LABKIT_NPM_URL": "http://127.0.0.1:2"})
    assert (tmp_path, "http://127.0.0.1:1", True) == (made.cache, made.maven_url, made.offline)
    assert "http://127.0.0.1:2" == made.npm_url
    assert not resolve(tmp_path, environ={"LABKIT_OFFLINE": "0"}).offline
