"""The command labkit: what it prints, what it says when it is used wrongly, and its exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_labkit import __version__, services
from pytest_labkit.cli import labkit as program
from pytest_labkit.domain.errors import KitError, ServiceFailed
from pytest_labkit.services import Endpoint, Status
from pytest_labkit.services import doctor as doctor_module
from pytest_labkit.services.doctor import Check

LAB = """
id = "lab3"
title = "Event sourcing"
services = ["dynamodb"]
answers = ["event_store.py"]
[[parts]]
id = "A"
title = "Event store"
minutes = 35
[[criteria]]
id = "A2"
part = "A"
title = "One writer wins"
points = 4
look_at = "event_store.py:EventStore.append_events"
"""

HINTS = 'A2 = ["Who else can write?", "Which write can refuse?", "A condition on the version."]'
REDIS = Endpoint(
    "redis", "local", "7.0.15", "redis://127.0.0.1:6379/0", {"REDIS_URL": "redis://127.0.0.1:6379/0"}, 0.1
)


@pytest.fixture(autouse=True)
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with one lab; the current folder is below it."""
    (tmp_path / "labs" / "lab3").mkdir(parents=True)
    (tmp_path / "labs" / "lab3" / "lab.toml").write_text(LAB)
    (tmp_path / "labs" / "lab3" / "hints.toml").write_text(HINTS)
    monkeypatch.chdir(tmp_path / "labs")
    return tmp_path


def labkit(*arguments: str) -> int:
    """Its exit code."""
    with pytest.raises(SystemExit, match=r"\d+") as ended:
        program.main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_help_teaches_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command, and with --help: what there is, five commands to copy, the exit codes."""
    assert 0 == labkit("--help")
    shown = capsys.readouterr().out
    for command in ("up", "down", "status", "doctor", "hint"):
        assert f"\n  {command} " in shown
    assert "labkit up lab3            start what lab3 needs" in shown
    assert "20 the kit or a service broke" in shown
    assert 0 == labkit()
    assert shown == capsys.readouterr().out


def test_version_is_that_of_the_kit(capsys: pytest.CaptureFixture[str]) -> None:
    """One line."""
    assert 0 == labkit("--version")
    assert f"labkit, version {__version__}\n" == capsys.readouterr().out


def test_a_hint_begins_with_a_question(capsys: pytest.CaptureFixture[str]) -> None:
    """The first step only, where to look, and how to have more."""
    assert 0 == labkit("hint", "lab3", "a2")
    assert (
        "A2 · One writer wins\n"
        "look at labs/lab3/event_store.py:EventStore.append_events\n"
        "\n1. Who else can write?\n"
        "\nMore: labkit hint lab3 A2 --step 2\n"
    ) == capsys.readouterr().out


def test_the_last_step_shows_all_hints(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing says that there is more; the lab may be named by its folder."""
    assert 0 == labkit("hint", "labs/lab3", "A2", "--step", "3")
    shown = capsys.readouterr().out
    assert "\n3. A condition on the version.\n" in shown
    assert "More" not in shown


def test_check_labs_names_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """A lab of an author's that has nothing but its lab.toml is not ready, and it says why."""
    assert 1 == labkit("check-labs")
    shown = capsys.readouterr().out
    assert "✗ lab3: no test checks A2\n" in shown
    assert "✗ lab3: no mutant is there for A2 to catch\n" in shown


def test_check_labs_writes_the_table(course: Path) -> None:
    """With --write the README shows the criteria of lab.toml."""
    readme = course / "labs" / "lab3" / "README.md"
    readme.write_text("# Lab\n<!-- criteria -->\n<!-- /criteria -->\n")
    labkit("check-labs", "--write")
    assert "| A2 | One writer wins |  | 4 |\n" in readme.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("hint", "lab33", "A2"), "Error: There is no lab 'lab33'. Did you mean lab3?\nThe labs are lab3.\n"),
        (
            ("hint", "lab3", "A3"),
            "Error: lab3 has no criterion 'A3'.\nIts criteria are A2.\n",
        ),
        (("up", "lab4"), "Error: There is no lab 'lab4'. Did you mean lab3?\nThe labs are lab3.\n"),
    ],
)
def test_a_wrong_name_is_said_plainly(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    """What there is instead, no traceback, exit code 4."""
    assert 4 == labkit(*arguments)
    assert message == capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("upp",), "No such command 'upp'."),
        (("up", "--backend", "cloud"), "'cloud' is not one of 'auto', 'docker', 'local'."),
        (("up", "--brokers", "0"), "0 is not in the range 1<=x<=9."),
    ],
)
def test_wrong_usage_ends_with_4(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    """Click says what is wrong."""
    assert 4 == labkit(*arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("hint",), "On which criterion? Type one of these:\n  labkit hint lab3 A2  One writer wins\n"),
        (
            ("hint", "lab3"),
            "On which criterion? Type one of these:\n  labkit hint lab3 A2  One writer wins\n",
        ),
        (("report",), "Of which lab? Type one of these:\n  labkit report lab3  Event sourcing\n"),
    ],
)
def test_half_a_command_says_what_to_type(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], shown: str
) -> None:
    """Commands to copy, each with what it is about."""
    assert 0 == labkit(*arguments)
    assert shown == capsys.readouterr().out


def test_no_report_yet_says_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    """The run that makes one, as it is typed in the folder one stands in."""
    assert 4 == labkit("report", "lab3")
    assert "Error: lab3 has no report yet: run it first.\npytest lab3\n" == capsys.readouterr().err


def test_up_starts_what_any_test_of_the_lab_asks_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, course: Path
) -> None:
    """Services that lab.toml does not name: of a test, of a fixture, of the lab's own programs."""
    asked: list[object] = []

    def up(_settings: object, names: object, **_options: object) -> list[Endpoint]:
        asked.append(names)
        return []

    monkeypatch.setattr(services, "up", up)
    checks = course / "labs" / "lab3" / "checks"
    checks.mkdir()
    (checks / "test_a2.py").write_text("def test_a(redis): ...\ndef helper(kafka): ...\n")
    assert 0 == labkit("up", "lab3")
    (checks / "conftest.py").write_text("import pytest\n@pytest.fixture\ndef shop(search): ...\n")
    assert 0 == labkit("up", "lab3")
    assert [("dynamodb", "redis"), ("dynamodb", "redis", "search")] == asked


def test_up_outside_a_course_says_where_to_go(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """There is no lab to be found from here."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    assert 4 == labkit("up", "lab3")
    assert "go to your course." in capsys.readouterr().err


def test_up_starts_what_the_lab_needs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, course: Path
) -> None:
    """The lab's services, for the course's folder; then how to reach them is shown."""
    asked = []

    def up(settings: object, names: object, **options: object) -> list[Endpoint]:
        asked.append((settings, names, options["brokers"]))
        return [REDIS]

    monkeypatch.setattr(services, "up", up)
    assert 0 == labkit("up", "lab3", "--backend", "local")
    ((settings, names, brokers),) = asked
    assert (course, "local") == (settings.root, settings.backend)  # type: ignore[attr-defined]
    assert (("dynamodb",), 1) == (names, brokers)
    shown = capsys.readouterr().out
    assert "✓ redis 7.0.15 (local) at redis://127.0.0.1:6379/0, ready after 0.1 s\n" in shown
    assert "  export REDIS_URL=redis://127.0.0.1:6379/0\n" in shown


def test_a_service_that_broke_ends_with_20(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of its log is shown, no traceback."""

    def up(*_: object, **__: object) -> list[Endpoint]:
        raise ServiceFailed(
            "kafka", awaited="x", waited_s=1, exit_status=1, log_tail=["no room"], hint="Make room."
        )

    monkeypatch.setattr(services, "up", up)
    assert 20 == labkit("up")
    assert (
        "Error: kafka is not ready: waited 1.0 s for x; it ended with exit status 1.\n"
        "the end of its log:\n  no room\nMake room.\n"
    ) == capsys.readouterr().err


def test_ctrl_c_is_no_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with 2, as pytest does."""

    def up(*_: object, **__: object) -> list[Endpoint]:
        raise KeyboardInterrupt

    monkeypatch.setattr(services, "up", up)
    assert 2 == labkit("up")
    assert "Interrupted." in capsys.readouterr().err


def test_status_and_down_with_nothing_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """Both say so, and nothing is wrong."""
    assert 0 == labkit("status")
    assert "Nothing is kept here. Start services with: labkit up\n" == capsys.readouterr().out
    assert 0 == labkit("down")
    assert "Nothing was kept here.\n" == capsys.readouterr().out


def test_status_shows_the_log_of_what_broke(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that does not answer ends with 20 and its last lines."""
    monkeypatch.setattr(services, "status", lambda _settings: [Status(REDIS, False, ("out of memory",))])
    assert 20 == labkit("status")
    shown = capsys.readouterr()
    assert "✗ redis 7.0.15" in shown.out
    assert "    out of memory\n" in shown.out
    assert "Error: A service does not work.\nRun: labkit up, which starts it anew.\n" == shown.err


def test_doctor_says_what_to_do(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each thing, advice below what is missing; 20 only if it is needed."""
    missing = Check("java", False, "There is none.", "Install one.", needed=False)
    monkeypatch.setattr(doctor_module, "doctor", lambda _settings: [Check("disk", True, "9 GiB"), missing])
    assert 0 == labkit("doctor")
    assert (
        "✓ disk  9 GiB\n✗ java  There is none.\n        Install one.\n"
        "\nServices can be had on this machine.\n"
    ) == capsys.readouterr().out
    monkeypatch.setattr(
        doctor_module, "doctor", lambda _settings: [Check("java", False, "None.", "Install one.")]
    )
    assert 20 == labkit("doctor")
    assert "Services cannot be had on this machine as it is." in capsys.readouterr().err


def test_doctor_looks_at_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    """Everything is looked at for real; with what the tests need installed, services can be had."""
    assert 0 == labkit("doctor")
    shown = capsys.readouterr().out
    for name in ("versions", "java", "redis-server", "docker", "downloads", "cache", "memory", "ports"):
        assert f" {name} " in shown


def coloured(environ: Mapping[str, str]) -> bool:
    """Whether `labkit hint lab9 A1` writes colours to a terminal with this environment."""
    import pty

    main, terminal = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "pytest_labkit.cli", "hint", "lab9", "A1"],
        stderr=terminal,
        env={**os.environ, "PYTHONPATH": str(Path(program.__file__).parents[2]), **environ},
        timeout=60,
        check=False,
    )
    os.close(terminal)
    shown = os.read(main, 4096).decode()
    os.close(main)
    assert "Error:" in shown
    return "\x1b[" in shown


def test_no_color_is_honoured() -> None:
    """On a terminal errors are red, but not with NO_COLOR."""
    environ = {"NO_COLOR": "", "TERM": "xterm"}
    assert coloured(environ)
    assert not coloured({**environ, "NO_COLOR": "1"})


def test_choosing_fails_with_one_message_if_nothing_can_be_had(
    monkeypatch: pytest.MonkeyPatch, course: Path
) -> None:
    """Why not Docker, why not this machine, and what to do."""
    from pytest_labkit.host import settings
    from pytest_labkit.services import docker, local

    monkeypatch.setattr(docker, "available", lambda _settings, _names: "No daemon answers.")
    monkeypatch.setattr(local, "available", lambda _settings, _names: "There is no Java.")
    with pytest.raises(
        KitError, match=r"^No backend can be used\. docker: No daemon .* local: There is no Java\."
    ):
        services.choose(settings.resolve(course, environ={}))
    with pytest.raises(KitError, match=r"^--lab-backend docker cannot be used: No daemon answers\."):
        services.choose(settings.resolve(course, options={"backend": "docker"}, environ={}))
    monkeypatch.setattr(local, "available", lambda _settings, _names: None)
    assert services.Choice("local", "No daemon answers") == services.choose(
        settings.resolve(course, environ={})
    )
    monkeypatch.setattr(docker, "available", lambda _settings, _names: None)
    assert "docker" == services.choose(settings.resolve(course, environ={})).backend
