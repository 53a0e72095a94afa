"""What a run does not need is not imported: half of the time from edit to verdict is imports."""

from __future__ import annotations

import subprocess
import sys

from tests.plugin.conftest import TinyLab

# Each takes from 20 to 400 ms of a core. Not pydantic: filelock imports it where it is installed. And not
# hypothesis: its own plugin imports it at the end of every run of pytest.
HEAVY = {
    "aiohttp", "boto3", "botocore", "confluent_kafka", "docker", "fastavro", "jgo", "jsonschema", "numpy",
    "redis", "requests", "rich.console", "testcontainers", "urllib3",
}  # fmt: skip


def loaded(code: str) -> set[str]:
    """The modules that a new Python has after *code*."""
    program = f"import sys\n{code}\nprint(' '.join(sys.modules))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(said.stdout.split())


def test_the_plugin_imports_nothing_heavy() -> None:
    """It is loaded in every project that has the kit installed, with labs or without."""
    new = loaded("import pytest_labkit.plugin") - loaded("import pytest, platformdirs")
    assert set() == {*HEAVY, "jinja2", "psutil", "filelock"} & new


def test_what_a_run_of_a_lab_imports_is_not_heavy() -> None:
    """Session and fixtures: what a report needs is imported when one is written, clients when asked for."""
    new = loaded("import pytest_labkit.session.fixtures, pytest_labkit.session.lab_session")
    assert set() == {*HEAVY, "jinja2"} & new


def test_a_run_without_services_imports_no_client(right: TinyLab) -> None:
    """From collection to report."""
    right.write(
        "conftest.py",
        f"""
        import sys
        def pytest_unconfigure():
            print("heavy:", sorted(set({sorted(HEAVY)}) & set(sys.modules)))
        """,
    )
    result = right.run_apart("--lab-criterion", "A1")
    result.stdout.fnmatch_lines(["heavy: *"])
    assert "heavy: []" in result.stdout.str()


def test_the_tests_of_other_criteria_are_not_imported(right: TinyLab) -> None:
    """A file that holds nothing of the criterion asked for might import anything."""
    right.write(
        "test_other.py",
        'import pytest\npytestmark = pytest.mark.criterion("A2")\n1 / 0\ndef test_a(): pass\n',
    )
    assert 22 == right.run("--lab-criterion", "A1").ret
    assert "passed" == right.verdicts["A1"]
    assert "failed" != right.verdicts["A2"]
    named = right.run("--lab-criterion", "A1", path="labs/tiny/test_other.py")
    named.stdout.fnmatch_lines(["*ZeroDivisionError*"])


def test_a_mistyped_criterion_is_still_told(right: TinyLab) -> None:
    """Nothing is left out then."""
    result = right.run("--lab-criterion", "A9")
    result.stderr.fnmatch_lines(["*--lab-criterion A9: there is no such criterion. Known: A1, A2, A3."])
    assert 4 == result.ret
