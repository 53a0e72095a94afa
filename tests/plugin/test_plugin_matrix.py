"""
Much used plugins of pytest beside the kit: with each, one criterion passes and one fails, in both doors.

Each has an environment of its own, which sees the packages of this one. `LABKIT_TEST_PLUGINS` names a
folder to keep them in from one run to the next.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.plugin.conftest import RIGHT, TinyLab

pytestmark = pytest.mark.exhaustive

PLUGINS: dict[str, tuple[str, ...]] = {
    "pytest-asyncio": (),
    "pytest-benchmark": ("--benchmark-disable",),
    "pytest-check": (),
    "pytest-clarity": (),
    "pytest-cov": ("--cov=labs",),
    "pytest-env": (),
    "pytest-forked": (),
    "pytest-html": ("--html=all.html",),
    "pytest-instafail": ("--instafail",),
    "pytest-json-report": ("--json-report",),
    "pytest-mock": (),
    "pytest-order": ("--order-scope=module",),
    "pytest-random-order": ("--random-order",),
    "pytest-randomly": (),
    "pytest-repeat": (),
    "pytest-rerunfailures": ("--reruns=1",),
    "pytest-retry": ("--retries=1",),
    "pytest-socket": ("--allow-unix-socket",),
    "pytest-split": ("--splits=1", "--group=1"),
    "pytest-subtests": (),
    "pytest-sugar": (),
    "pytest-timeout": ("--timeout=30", "--timeout-method=thread"),
    "pytest-xdist": ("-n2",),
    "flaky": (),
}


@pytest.fixture
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the plugin, and by way of this one all else."""
    plugin = request.param
    kept = os.environ.get("LABKIT_TEST_PLUGINS")
    folder = (Path(kept) if kept else tmp_path_factory.mktemp("plugins")) / plugin
    python = folder / "bin" / "python"
    if not python.exists():
        _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
        site = next(folder.glob("lib/python*/site-packages"))
        # Not its bare path: the .pth files in it count too, by which a checkout is installed.
        parent = sysconfig.get_path("purelib")
        (site / "parent.pth").write_text(f"import site; site.addsitedir({parent!r})\n")
        _run(sys.executable, "-m", "pip", "--quiet", "--python", str(python), "install", plugin)
    return python


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize("door", ["direct", "process"])
@pytest.mark.parametrize(("python", "options"), PLUGINS.items(), ids=PLUGINS.keys(), indirect=["python"])
def test_a_lab_is_judged_as_without_it(
    python: Path, options: tuple[str, ...], door: str, lab: TinyLab
) -> None:
    """Also where the project makes errors of warnings: the same verdicts, message and exit code."""
    lab.write("calc.py", RIGHT.replace("add(n, n)", "n"))
    lab.pytester.makeini("[pytest]\naddopts = --strict-markers -p no:valkey\nfilterwarnings = error\n")
    command = (str(python), "-m", "pytest", "labs/tiny", "-m", "not timed", "--lab-door", door, *options)
    result = lab.pytester.run(*command, timeout=120)
    assert {"A1": "passed", "A2": "failed", "A3": "unknown"} == lab.verdicts
    assert ("4", "2") == (lab.message("A2")["expected"], lab.message("A2")["got"])
    assert 1 == result.ret
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize("python", ["pytest-rerunfailures"], indirect=True)
def test_a_flaky_pass_is_a_pass(python: Path, lab: TinyLab) -> None:
    """With --reruns the last run counts, and the report says so."""
    lab.write(
        "calc.py",
        f"""
from pathlib import Path
tried = Path({str(lab.root / "tried")!r})
if not tried.exists():
    tried.touch()
    raise RuntimeError("the first time")
{RIGHT}""",
    )
    command = (str(python), "-m", "pytest", "labs/tiny", "-p", "no:valkey", "-m", "not timed", "--reruns=2")
    assert 22 == lab.pytester.run(*command, timeout=120).ret
    assert {"A1": "passed", "A2": "passed", "A3": "unknown"} == lab.verdicts
    assert any("was run again" in note for note in lab.report["notes"])


@pytest.mark.parametrize("method", ["signal", "thread"])
@pytest.mark.parametrize("python", ["pytest-timeout"], indirect=True)
def test_a_hang_ends_at_the_limit_of_pytest_timeout(python: Path, method: str, lab: TinyLab) -> None:
    """Whichever its method, with a verdict."""
    lab.write("calc.py", "import time\nwhile True:\n    time.sleep(0.01)\n")
    options = ("--timeout=2", f"--timeout-method={method}", "--lab-criterion=A1")
    command = (str(python), "-m", "pytest", "labs/tiny", "-p", "no:valkey", *options)
    assert 1 == lab.pytester.run(*command, timeout=120).ret
    assert "an end within 2 s" == lab.message("A1")["expected"]
