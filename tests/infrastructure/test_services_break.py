"""A service that cannot be had, or breaks, is never the student's failure: `unknown`, exit code 20."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_labkit.domain.errors import ServiceFailed
from pytest_labkit.host import processes, settings
from pytest_labkit.services import local
from tests.infrastructure.conftest import STORE, Course

KILLS = """
def before_A2():
    import json, os, pathlib, signal, time, psutil
    (note,) = pathlib.Path(".labkit/run").glob("redis-*.json")
    (server,) = json.loads(note.read_text())["processes"]
    os.kill(server["pid"], signal.SIG{})
"""


def test_f01_no_docker(course: Course) -> None:
    """Docker was asked for and is not there: one line with the cause and what to do, no traceback."""
    environ = {"DOCKER_HOST": "unix:///nonexistent.sock", "PATH": "/usr/bin:/bin"}
    code, said = course.run("--lab-backend", "docker", environ=environ)
    assert 20 == code
    assert {"A1": "passed", "A2": "unknown", "A3": "unknown"} == course.verdicts
    assert "unknown" == course.report["status"]
    assert "No Docker daemon answers at unix:///nonexistent.sock: there is no such socket." in said
    assert "labkit doctor" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("how", ["KILL", "STOP"])
def test_f03_a_server_that_breaks_in_a_test(course: Course, how: str) -> None:
    """Killed or hanging: what needs it is unknown and costs no points; what had finished stays."""
    course.before_a2(KILLS.format(how))
    course.write(
        "store.py", STORE.replace("decode_responses=True", "decode_responses=True, socket_timeout=2")
    )
    code, said = course.run()
    assert 20 == code
    assert {"A1": "passed", "A2": "unknown", "A3": "unknown"} == course.verdicts
    message = course.report["criteria"][1]["message"]
    assert "working services" == message["expected"]
    assert message["got"].startswith("redis did not answer any more (")
    assert "your work is not graded down" in said
    assert [] == course.left()


def test_f03_a_broker_that_breaks_in_a_test(course: Course) -> None:
    """The same with a Kafka broker: the student's code times out, and the broker is the reason."""
    course.before_a2(KILLS.format("KILL").replace("redis-", "kafka-"))
    tests = (course.folder / "test_store.py").read_text().replace("answers, redis", "answers, kafka")
    course.write("test_store.py", tests)
    course.write(
        "store.py",
        """
        import os
        from confluent_kafka import Producer
        def same(word):
            return word
        def stored(key, word):
            servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
            producer = Producer({"bootstrap.servers": servers, "message.timeout.ms": 3000, "log_level": 0})
            found = []
            producer.produce("words", word, on_delivery=lambda error, message: found.append(error))
            producer.flush()
            return "lost" if found[0] else word
        """,
    )
    code, _ = course.run()
    assert 20 == code
    assert {"A1": "passed", "A2": "unknown", "A3": "unknown"} == course.verdicts
    assert course.report["criteria"][1]["message"]["got"].startswith("kafka did not answer any more (")


def test_f03_an_error_of_the_students_stays_one(course: Course) -> None:
    """While the service works, a failure is the student's."""
    course.write("store.py", STORE.replace("client.get(key)", "client.get('nothing')"))
    assert 1 == course.run()[0]
    assert {"A1": "passed", "A2": "failed", "A3": "failed"} == course.verdicts


@pytest.fixture
def thief() -> Iterator[socket.socket]:
    """A socket that listens where a server was about to."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    yield taken
    taken.close()


@pytest.mark.parametrize("thefts", [1, 4])
def test_f08_a_port_that_was_taken_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thief: socket.socket, thefts: int
) -> None:
    """Another program is quicker, up to four times: the server starts on another port."""
    ports = iter([thief.getsockname()[1]] * thefts)
    free = processes.free_ports
    monkeypatch.setattr(processes, "free_ports", lambda n: [p] if (p := next(ports, None)) else free(n))
    said: list[str] = []
    running = local.start("redis", settings.resolve(tmp_path), say=said.append)
    running.stop()
    assert thefts == sum("Starting redis once more, on another port." in line for line in said)


def test_f08_a_port_is_looked_for_five_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thief: socket.socket
) -> None:
    """Then it is a failure of the machine's, which shows the server's own words."""
    tried: list[int] = []

    def taken(count: int) -> list[int]:
        tried.append(count)
        return [thief.getsockname()[1]]

    monkeypatch.setattr(processes, "free_ports", taken)
    with pytest.raises(ServiceFailed, match=r"redis is not ready[\s\S]*Address already in use"):
        local.start("redis", settings.resolve(tmp_path))
    assert 5 == len(tried)
    assert [] == list((tmp_path / ".labkit" / "run").glob("[!.]*.json"))


def test_f15b_a_lab_whose_tests_do_not_load(course: Course) -> None:
    """The kit's own file is broken: pytest says which, no report gives anybody 0 points."""
    course.write("test_store.py", "def test_nothing(:\n")
    code, said = course.run()
    assert 2 == code
    assert re.search(r"test_store\.py.* SyntaxError", said)
    assert not (course.root / ".labkit" / "reports").exists()


def test_f15b_a_lab_whose_tests_are_gone(course: Course) -> None:
    """A criterion without a test did not run: unknown, not failed, and not passed."""
    tests = (course.folder / "test_store.py").read_text()
    course.write("test_store.py", tests.partition('@pytest.mark.criterion("A2")')[0])
    assert 22 == course.run()[0]
    assert {"A1": "passed", "A2": "unknown", "A3": "unknown"} == course.verdicts
