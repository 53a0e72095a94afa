"""A lab's programs started, kept and stopped: `labkit up LAB --chaos`, `status`, `down`, and killed runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import pytest_labkit
from pytest_labkit import systems
from pytest_labkit.domain.errors import ServiceFailed, UsageProblem
from pytest_labkit.domain.model import Lab
from pytest_labkit.host import processes
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import guard, local, registry, wait
from pytest_labkit.services.base import Endpoint
from tests.system.conftest import make_course

ENVIRON = {
    **os.environ,
    "PYTHONPATH": str(Path(pytest_labkit.__file__).parents[1]),
    "LABKIT_BACKEND": "local",
}


def labkit(root: Path, *arguments: str) -> tuple[int, str]:
    """Its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest_labkit.cli", *arguments],
        cwd=root,
        env=ENVIRON,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.exhaustive
def test_up_status_down(tmp_path: Path) -> None:
    """Kept, shown with their health, one killed seen at once, stopped; nothing is left behind."""
    make_course(tmp_path)
    try:
        code, said = labkit(tmp_path, "up", "lab4", "--chaos")
        assert (0, True) == (code, "✓ order at http://127.0.0.1:" in said), said
        assert "  export ORDER_URL=http://127.0.0.1:" in said
        told = registry.Registry(tmp_path / ".labkit" / "system.json").services()["lab4"]
        assert 0 == labkit(tmp_path, "status")[0]
        psutil.Process(told["processes"][2]["pid"]).kill()
        code, said = labkit(tmp_path, "status")
        assert 20 == code
        assert "✗ payment at " in said
        assert "    does not answer; the end of its log:" in said
        assert "✗ order at " in said
        assert "    cannot reach payment" in said
    finally:
        code, said = labkit(tmp_path, "down")
    assert (0, True) == (code, "order, payment, inventory, notification are stopped" in said)
    assert [] == [one for one in told["processes"] if processes.find(one)]
    assert not Path(told["folder"]).exists()
    assert "Nothing is kept here" in labkit(tmp_path, "status")[1]


def test_nothing_is_left_of_a_kit_that_was_killed(
    lab: Lab, settings: Settings, endpoints: dict[str, Endpoint]
) -> None:
    """SIGKILL: within two seconds the programs, their links and their folder are gone."""
    code = (
        "import sys, time; from pathlib import Path; from dataclasses import replace\n"
        "from pytest_labkit import systems; from pytest_labkit.course import manifest\n"
        "from pytest_labkit.host import settings\n"
        "from pytest_labkit.services.base import Endpoint\n"
        f"lab = manifest.read(Path({str(lab.folder)!r}), Path({str(settings.root)!r}))\n"
        f"made = systems.start(lab, systems.read(lab), [{', '.join(map(repr, endpoints.values()))}],\n"
        f"    replace(settings.resolve(Path({str(settings.root)!r})), backend='local'))\n"
        "print(made.running.folder, flush=True); time.sleep(60)"
    )
    kit = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=ENVIRON, start_new_session=True
    )
    assert kit.stdout is not None
    folder = Path(kit.stdout.readline().strip())
    there = processes.working_in(folder)
    assert 5 == len(there)
    kit.send_signal(signal.SIGKILL)
    kit.communicate()

    def gone() -> None:
        assert [] == [one for one in there if processes.find(one)]
        assert not folder.exists()

    wait.until(gone, deadline_s=2, service="guard", awaited="that nothing is left")


def test_a_program_that_does_not_start_is_told(
    tmp_path: Path, lab: Lab, settings: Settings, endpoints: dict[str, Endpoint]
) -> None:
    """A student's client that raises at import: one message, with the end of its log; nothing is left."""
    (tmp_path / "payment_client.py").write_text("raise RuntimeError('not yet')\n")
    mine = replace(settings, answers=(tmp_path,))
    with pytest.raises(ServiceFailed, match=r"lab4 .*exit status 1") as failed:
        systems.start(lab, systems.read(lab), endpoints.values(), mine)
    assert "order: RuntimeError: not yet" in failed.value.log_tail
    assert failed.value.hint is not None
    assert failed.value.hint.startswith("What a program said before it ended stands above")
    assert [] == list(guard.folder(settings.root).glob("lab4-*.json"))


def test_a_port_that_was_taken_just_then_is_no_failure(
    lab: Lab, settings: Settings, endpoints: dict[str, Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole system is started again on other ports, and says so."""
    import socket

    said: list[str] = []
    real, taken = processes.free_ports, socket.create_server(("127.0.0.1", 0))

    def free_ports(count: int) -> list[int]:
        ports = real(count)
        return ports if said else [*ports[:1], taken.getsockname()[1], *ports[2:]]

    monkeypatch.setattr(local.processes, "free_ports", free_ports)
    started = systems.start(lab, systems.read(lab), endpoints.values(), settings, say=said.append)
    started.stop()
    taken.close()
    assert ["Starting lab4 once more, on another port."] == [line.splitlines()[-1] for line in said]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("package = 'shop'", r"lab4/system.toml is wrong at programs: Field required\."),
        ("package = 'shop", "lab4/system.toml is no TOML: "),
        (
            "package = 'shop'\n[[programs]]\nname = 'order'\ncalls = ['paiment']",
            r"lab4/system.toml is wrong: order calls 'paiment', which is not there\.",
        ),
    ],
)
def test_a_wrong_plan_is_told_in_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    """The file, the place in it, and what is wrong."""
    lab = make_course(tmp_path)
    (lab.folder / "system.toml").write_text(text)
    with pytest.raises(UsageProblem, match=message):
        systems.read(lab)


def test_chaos_is_for_a_lab_that_has_programs(tmp_path: Path) -> None:
    """Without a lab, or with one that has none: exit code 4, one sentence, nothing started."""
    lab = make_course(tmp_path)
    assert (4, True) == ((said := labkit(tmp_path, "up", "--chaos"))[0], "--chaos needs a lab" in said[1])
    (lab.folder / "system.toml").unlink()
    code, text = labkit(tmp_path, "up", "lab4", "--chaos")
    assert (4, True) == (code, "lab4 has no programs to start: --chaos is for a lab that has." in text)
