"""A fault ends with its test, whatever the test does; who is to blame for what is left is told apart."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.plugin.conftest import RIGHT, TinyLab

HEAD = """
import os
import pytest
import redis as client
from pytest_labkit import expect

def get():
    with client.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=5, retry=None) as connection:
        return connection.get("key")

"""


@pytest.fixture
def broken(lab: TinyLab) -> TinyLab:
    """The tiny lab, done, on a local Redis that its tests break."""
    lab.write("calc.py", RIGHT)
    return lab


def write(lab: TinyLab, **bodies: str) -> None:
    """A test for each criterion, with the bodies given; A2 and A3 hold if not."""
    text = HEAD
    for id_ in ("A1", "A2", "A3"):
        body = dedent(bodies.get(id_, "assert get() is None"))
        text += f'@pytest.mark.criterion("{id_}")\ndef test_{id_}(answers, redis, faults):\n    """It."""\n'
        text += "".join(f"    {line}\n" for line in body.strip().splitlines()) + "    answers.calc\n\n"
    (lab.folder / "test_calc.py").write_text(text)


def run(lab: TinyLab, *args: str) -> pytest.RunResult:
    """Run it in a process of its own: the services are real."""
    return lab.run_apart("--lab-backend", "local", *args)


def test_a_service_killed_on_purpose_is_no_broken_service(broken: TinyLab) -> None:
    """What fails inside the fault is the student's failure, and the next test has a service that works."""
    write(
        broken,
        A1="""
        with faults.redis.killed():
            expect.equal("a cached value", "nothing")
        """,
    )
    result = run(broken)
    assert result.ret == 1
    assert broken.verdicts == {"A1": "failed", "A2": "passed", "A3": "passed"}


def test_what_a_test_leaves_broken_is_mended_before_it_is_judged(broken: TinyLab) -> None:
    """Also when it raises, and when it runs out of time."""
    write(
        broken,
        A3="""
        faults.redis.killed().__enter__()
        expect.equal("a cached value", "nothing")
        """,
        A2="""
        import time
        with faults.redis.paused():
            time.sleep(30)
        """,
    )
    assert run(broken).ret == 1
    assert broken.verdicts == {"A1": "passed", "A2": "error", "A3": "failed"}


def test_one_that_dies_by_itself_is_nobodys_failure(broken: TinyLab) -> None:
    """Exit 20."""
    write(
        broken,
        A1="""
        with client.Redis.from_url(redis.address, retry=None) as connection:
            connection.shutdown(nosave=True)
        get()
        """,
    )
    result = run(broken)
    assert result.ret == 20
    assert broken.verdicts["A1"] == "unknown"
    assert broken.message("A1")["got"].startswith("redis did not answer any more")


def test_a_fault_that_cannot_be_undone_is_said(broken: TinyLab) -> None:
    """Whatever the test found: unknown, and exit 20."""
    write(
        broken,
        A1="""
        import psutil
        with client.Redis.from_url(redis.address) as connection:
            server = psutil.Process(connection.info("server")["process_id"])
        faults.redis.paused().__enter__()
        server.kill()
        server.wait(10)
        """,
    )
    result = run(broken)
    assert result.ret == 20
    assert broken.verdicts["A1"] == "unknown"
    assert "paused: redis could not be undone" in broken.message("A1")["got"]


def test_tests_that_break_shared_services_have_them_alone(broken: TinyLab) -> None:
    """Two workers on one Redis: what one kills, the other does not miss."""
    write(broken)
    text = (broken.folder / "test_calc.py").read_text()
    text += dedent(
        '''
        @pytest.mark.criterion("A1")
        @pytest.mark.parametrize("n", range(6))
        def test_user(redis, n):
            """A user."""
            import time
            end = time.monotonic() + 0.3
            while time.monotonic() < end:
                assert get() is None

        @pytest.mark.criterion("A2")
        @pytest.mark.parametrize("n", range(4))
        def test_breaker(redis, faults, n):
            """A breaker."""
            with faults.redis.killed():
                pass
            assert get() is None
        '''
    )
    (broken.folder / "test_calc.py").write_text(text)
    result = run(broken, "-n", "2", "--dist", "load")
    assert result.ret == 0
    assert broken.verdicts == {"A1": "passed", "A2": "passed", "A3": "passed"}


def test_a_student_in_a_process_of_its_own_goes_through_the_links(broken: TinyLab) -> None:
    """The environment of the child leads there too."""
    broken.write("notes.py", "import os\ndef where():\n    return os.environ['REDIS_URL']\n")
    write(
        broken,
        A1="""
        assert os.environ["REDIS_URL"] == answers.notes.where() != redis.address
        """,
    )
    assert run(broken, "--lab-door", "process").ret == 0
