"""The contracts of pyproject.toml on imports hold, and notice what they are there to notice."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint(project: Path) -> subprocess.CompletedProcess[str]:
    """Run `lint-imports` on the package and the pyproject.toml in *project*."""
    command = [
        sys.executable,
        "-P",
        "-c",
        f"import sys; sys.path.insert(0, {str(project)!r}); {LINT}",
        "--no-cache",
    ]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the package, to be changed."""
    shutil.copytree(
        ROOT / "pytest_labkit", tmp_path / "pytest_labkit", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def plant(project: Path, module: str, line: str) -> None:
    """Write *line* at the end of *module*, a path in the package."""
    with (project / "pytest_labkit" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")


def test_the_package_keeps_its_contracts(project: Path) -> None:
    """The package as it is breaks no contract."""
    found = lint(project)
    assert 0 == found.returncode, found.stdout


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        (
            "report/plain.py",
            "from pytest_labkit.report import text",
            "No cycles are allowed in pytest_labkit.report.",
        ),
        (
            "domain/seeds.py",
            "from pytest_labkit.host import locks",
            "pytest_labkit.domain is not allowed to import pytest_labkit.host",
        ),
        (
            "course/manifest.py",
            "import pytest",
            "pytest_labkit.course is not allowed to import pytest",
        ),
    ],
    ids=["a circle inside a package", "an import of a higher package", "pytest outside of the session"],
)
def test_a_planted_import_breaks_a_contract(project: Path, module: str, line: str, broken: str) -> None:
    """A planted import is named, and the command fails."""
    plant(project, module, line)
    found = lint(project)
    assert 1 == found.returncode
    assert broken in found.stdout
