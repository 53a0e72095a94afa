"""CI runs a share of the exhaustive tests, and all that a change touches."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shards import is_in, touched_by

MUTANT = "tests/labs/test_labs.py::test_a_mutant_is_caught[lab3-A4_single_page]"


@pytest.mark.parametrize(
    ("path", "id_"),
    [
        ("solutions/lab3/mutants/A4.toml", MUTANT),
        ("labs/lab3/checks/test_a4_order.py", MUTANT),
        ("labs/lab3/checks/checking.py", MUTANT),
        ("labs/lab3/events.py", MUTANT),
        ("tests/labs/test_labs.py", MUTANT),
        (
            "solutions/lab4/designs/by_hand/circuit_breaker.py",
            "tests/labs/test_labs.py::test_another_right_design_passes[lab4-by_hand-direct]",
        ),
        ("solutions/lab4/monitoring.py", "tests/labs/test_labs.py::test_x[lab4-whole-direct]"),
        ("solutions/lab3/event_store.py", MUTANT),
        ("labs/lab3/streams.py", "tests/labs/test_lab3_kafka.py::test_x"),
        ("tests/labs/proofs.py", MUTANT),
        ("pytest_labkit/cli/check_labs/plan.py", MUTANT),
        ("pytest_labkit/host/processes.py", "tests/infrastructure/test_full_disk.py::test_x"),
        ("pytest_labkit/answers/door.py", "tests/attacks/test_attacks.py::test_x[A01]"),
        ("pytest_labkit/faults/link.py", "tests/contract/test_faults_redis.py::test_x"),
        ("pytest_labkit/services/jvm/java.py", "tests/infrastructure/test_full_disk.py::test_x"),
        ("pytest_labkit/report/text.py", "tests/golden/test_transcripts.py::test_x"),
        ("pytest_labkit/chaos/probes.py", "tests/chaos/test_experiments.py::test_x"),
    ],
)
def test_a_change_touches_what_it_could_break(path: str, id_: str) -> None:
    """A changed file selects the tests that are about it."""
    assert touched_by([path]).search(id_)


@pytest.mark.parametrize(
    "path",
    [
        "solutions/lab3/mutants/A3.toml",
        "solutions/lab4/mutants/A4.toml",
        "labs/lab3/checks/test_a3_atomic_batches.py",
        "labs/lab4/circuit_breaker.py",
        "pytest_labkit/report/text.py",
        "README.md",
    ],
)
def test_a_change_leaves_the_others_to_their_shard(path: str) -> None:
    """A changed file does not select the tests of another criterion, another lab or another package."""
    assert not touched_by([path]).search(MUTANT)


def test_each_rule_leads_to_tests_that_there_are() -> None:
    """Each file of an exhaustive test is touched by a change of itself."""
    root = Path(__file__).parents[2]
    files = [path.relative_to(root).as_posix() for path in (root / "tests").rglob("test_*.py")]
    assert all(touched_by([file]).search(f"{file}::test_x") for file in files)


def test_every_test_is_in_one_shard() -> None:
    """The shards part the tests: each is in exactly one, and none is empty."""
    ids = [f"tests/test_x.py::test[{number}]" for number in range(400)]
    counts = [sum(is_in(id_, f"{number}/8") for id_ in ids) for number in range(8)]
    assert 400 == sum(counts)
    assert min(counts) > 0


SUITE = {
    "conftest": """
        import pytest
        from tests.shards import Shard
        def pytest_configure(config):
            config.addinivalue_line("markers", "exhaustive: x")
            config.pluginmanager.register(Shard.of_environment())
    """,
    "test_some": """
        import pytest
        def test_free(): pass
        @pytest.mark.exhaustive
        @pytest.mark.parametrize("number", range(8))
        def test_each(number): pass
    """,
}


def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, **environ: str) -> pytest.RunResult:
    """A suite of one quick test and eight exhaustive ones, run as CI does."""
    pytester.makepyfile(**SUITE)
    for name, value in environ.items():
        monkeypatch.setenv(f"LABKIT_TEST_{name}", value)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return pytester.runpytest_subprocess("-p", "no:labkit", "-o", "addopts=")


def test_a_run_takes_its_shard_and_what_is_not_exhaustive(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the exhaustive tests a run takes its own share, and says so."""
    share = [n for n in range(8) if is_in(f"test_some.py::test_each[{n}]", "1/2")]
    result = run(pytester, monkeypatch, SHARD="1/2")
    result.assert_outcomes(passed=1 + len(share), deselected=8 - len(share))
    result.stdout.fnmatch_lines(
        [f"exhaustive tests: 0 touched by the change, {len(share)} of shard 1/2, 8 in all; 0 *"]
    )


def test_what_there_was_no_time_for_is_named(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the time is over no further exhaustive test is begun, and each that was not is named."""
    result = run(pytester, monkeypatch, SHARD="0/1", BUDGET_S="0")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["exhaustive tests: *8 of shard 0/1, 8 in all; 8 not begun in 0 s"])
    result.stdout.fnmatch_lines(["  not begun: test_some.py::test_each?0?"])
