"""How a student's process can end, and what it can send: each has its message, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from pytest_labkit.answers import AnswerDied, Tampered
from pytest_labkit.answers.child.children import Children
from pytest_labkit.answers.child.preload import Preload
from pytest_labkit.answers.child.stacks import told
from pytest_labkit.answers.door import Answers
from pytest_labkit.answers.process import ProcessAnswers
from tests.door.conftest import LittleLab

DIED = "the process that ran your code "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os\ndef f(): os._exit(0)", "ended with exit status 0 in work.f()"),
        ("import os\nos._exit(3)", "ended with exit status 3 while work.py was loaded"),
        (
            "import os, signal\ndef f(): os.kill(os.getpid(), signal.SIGSEGV)",
            "was ended by SIGSEGV in work.f()",
        ),
        (
            "import os, signal, time\ndef f(): os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)",
            "ended in work.f()",
        ),
        (
            "import os, sys\ndef f():\n    print('one')\n    print('two', file=sys.stderr)\n    os._exit(9)",
            "ended with exit status 9 in work.f(); it printed: one | two",
        ),
    ],
    ids=["exit", "exit at import", "signal", "its parent killed", "last words"],
)
def test_a_death_is_told(lab: LittleLab, text: str, said: str) -> None:
    """A process that ends is told with its exit status or signal, the call, and its last lines."""
    answers = lab.open(text)
    with pytest.raises(AnswerDied, match=re.escape(said)) as died:
        answers.work.f()
    assert DIED + said == str(died.value)
    with pytest.raises(AnswerDied, match=re.escape(said)) as trouble:
        answers.raise_trouble()
    assert DIED + said == str(trouble.value)


def test_a_death_between_calls_comes_out(lab: LittleLab) -> None:
    """A process that ends while no call runs is told at the next call, or at the test's end."""
    answers = lab.open("import os, threading\ndef f(): threading.Timer(0.05, os._exit, [0]).start()")
    answers.work.f()
    until(lambda: trouble_of(answers) is not None)
    assert f"{DIED}ended with exit status 0 between two calls" == str(trouble_of(answers))
    with pytest.raises(AnswerDied, match="between two calls"):
        answers.work.f()


def test_a_death_before_the_first_call_comes_out(lab: LittleLab) -> None:
    """A process that ends before it was asked for anything is told so: none of the student's code has run."""
    answers = lab.open("def f(): return 1")
    with answers.another_process() as other:
        os.kill(pid_of(other), signal.SIGKILL)
        until(lambda: trouble_of(answers) is not None)
    assert f"{DIED}was ended by SIGKILL before any of your code ran" == str(trouble_of(answers))


def test_a_reaper_holds_nothing_of_its_worker_open(lab: LittleLab) -> None:
    """Its standard three and the socket to the template: what a worker prints ends with that worker."""
    answers = lab.open("def f(): return 1")
    with answers.another_process() as one, answers.another_process() as other:
        assert [1, 1] == [one.work.f(), other.work.f()]
        reapers = [psutil.Process(psutil.Process(pid_of(child)).ppid()) for child in (one, other)]
        assert [4, 4] == [reaper.num_fds() for reaper in reapers]


def test_one_reaper_serves_one_worker_after_another(lab: LittleLab) -> None:
    """A worker that was killed leaves its reaper to the next one, with no signal left over."""
    answers = lab.open("def f(): return 1")
    reapers = set()
    for _ in range(5):
        with answers.another_process() as other:
            assert 1 == other.work.f()
            reapers.add(psutil.Process(pid_of(other)).ppid())
            other.kill()
    assert len(reapers) <= 3


def test_a_kill_by_the_test_is_no_trouble(lab: LittleLab) -> None:
    """A process that the test killed answers no more, and nobody is blamed."""
    answers = lab.open("def f(): return 1")
    with answers.another_process() as other:
        work = other.work
        other.kill()
        with pytest.raises(AnswerDied, match="had been ended"):
            work.f()
    assert 1 == answers.work.f()
    answers.raise_trouble()


HEAD = """
import json, os, socket, stat, struct
descriptors = [fd for fd in range(3, 256) if os.path.exists(f"/proc/self/fd/{fd}")]
sockets = [fd for fd in descriptors if stat.S_ISSOCK(os.fstat(fd).st_mode)]
def send(body):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    os.write(sockets[0], struct.pack(">I", len(body)) + body)
def reply(value):
    # The call that this code runs in is the second: load, call.
    send({"thread": 0, "reply": 2, "value": value})
def refer(callables, **more):
    reply({"$": "ref", "v": {"number": 1, "type": "X", "callables": callables, **more}})
def nested(depth):
    value = 1
    for _ in range(depth): value = [value]
    return value
"""


@pytest.mark.parametrize(
    ("forged", "said"),
    [
        ("os.write(sockets[0], b'1 passed in 0.01s')", "a frame of 824,209,505 bytes, where 8,388,608 is"),
        ("send(b'PASSED')", "a frame that is not JSON"),
        ("send([])", "a frame that is not a JSON object"),
        ("send(b'{\"thread\": NaN}')", "a frame with NaN in it"),
        ('send(b\'{"reply": 2, "reply": 3}\')', "a frame with the key 'reply' twice"),
        ("send(b'[' * 100000)", "a frame that is nested too deep"),
        ("send({'verdict': 'passed'})", "a frame that is neither a reply nor a call: {'verdict': 'passed'}"),
        ("send({'thread': 0, 'reply': '3', 'value': 1})", "a frame that is neither a reply nor a call"),
        ("send({'thread': 0, 'reply': 99, 'value': 1})", "a reply to a call that was not made (number 99)"),
        ("send({'thread': 0, 'reply': 1, 'value': 1})", "a reply to a call that was not made (number 1)"),
        ("reply(1); reply(1)", "a reply to a call that was not made (number 2)"),
        ("reply(nested(65))", "a value that is nested deeper than 64"),
        ("reply({'$': 'pickle', 'v': 'gASV'})", "'pickle', which is not a kind of value"),
        ("reply({'a': 1})", "which is not an encoded value"),
        ("reply({'$': 'datetime', 'v': 'yesterday'})", "a value that cannot be: ValueError"),
        ("reply({'$': 'dict', 'v': [[[], 1]]})", "a value that cannot be: TypeError: unhashable"),
        (
            "reply({'$': 'model', 'v': {'type': 'little_lab.work:X', 'fields': []}})",
            "is no class of little_lab",
        ),
        ("reply({'$': 'ref', 'v': {'number': 'x', 'type': 5}})", "which is no reference"),
        ("refer(['append'])", "which is no reference"),
        ("refer({'append': 'verdict'})", "which is no reference"),
        ("refer({'append': 1})", "which is no reference"),
        ("refer({'x' * 101: 'method'})", "which is no reference"),
        ("refer({f'f{n}': 'method' for n in range(1_001)})", "which is no reference"),
        ("refer({}, verdict='passed')", "which is no reference"),
        ("refer({}, number=True)", "which is no reference"),
        (
            'send(b\'{"thread":0,"reply":2,"value":{"$":"ref","v":{"callables":{"f":"method","f":"type"}}}}\')',
            "a frame with the key 'f' twice",
        ),
        ("reply({'$': 'own', 'v': 5})", "a value that cannot be: KeyError"),
        (
            "send({'thread': -9, 'call': 1, 'of': 77, 'args': [], 'kwargs': {'$': 'dict', 'v': []}})",
            "never given",
        ),
        (
            "send({'thread': 7, 'call': 1, 'of': 1, 'args': [], 'kwargs': []})",
            "a thread that waits for none (number 7)",
        ),
    ],
)
def test_what_no_honest_answer_is_was_tampered_with(lab: LittleLab, forged: str, said: str) -> None:
    """Whatever is written to the connection beside the kit's own replies is told as what it is."""
    answers = lab.open(f"{HEAD}\ndef f():\n    {forged}\n    import time\n    time.sleep(60)")
    with suppress(Tampered):  # in time for the call itself, or a moment later
        answers.work.f()
    until(lambda: trouble_of(answers) is not None)
    trouble = trouble_of(answers)
    assert isinstance(trouble, Tampered)
    assert said in str(trouble)
    assert str(trouble).startswith(f"{DIED}sent ")


def test_names_that_are_made_up_are_names_and_no_more(lab: LittleLab) -> None:
    """Whatever a process says can be called, a handle stays what it is, and the call is answered."""
    answers = lab.open(
        f"{HEAD}\ndef f():\n"
        "    refer({name: 'method' for name in ('__class__', '__eq__', '_labkit_door', 'close', '')})\n"
        "    import time; time.sleep(60)"
    )
    got = answers.work.f()
    assert "X" == type(got).__name__
    assert got != 1
    assert "ProcessAnswers" == type(got._labkit_door).__name__
    with pytest.raises(AttributeError, match="__eq__x"):
        _ = got.__eq__x
    answers.raise_trouble()


def test_one_file_descriptor_is_inherited(lab: LittleLab) -> None:
    """Beside the standard three, a student's process has one file descriptor: its end of the connection."""
    answers = lab.open(f"{HEAD}\ndef f(): return [descriptors, sockets]")
    descriptors, sockets = answers.work.f()
    assert 1 == len(descriptors)
    assert descriptors == sockets


def test_the_environment_is_the_programs_and_the_services(
    lab: LittleLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A student's process sees where the services are, and nothing of pytest, Python or the kit."""
    for name in ("PYTEST_ADDOPTS", "PYTHONPATH", "PYTHONSTARTUP", "LABKIT_CACHE", "SECRET"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:7777")
    answers = lab.open("import os\ndef f(): return dict(os.environ)")
    seen = answers.work.f()
    assert "redis://127.0.0.1:7777" == seen["REDIS_URL"]
    assert "PYTEST_CURRENT_TEST" in os.environ
    unwanted = ("PYTEST", "PYTHON", "LABKIT", "SECRET")
    assert [] == [name for name in seen if name.startswith(unwanted)]


def test_what_is_printed_is_kept_up_to_a_limit(lab: LittleLab) -> None:
    """Of what a student's code prints 64 KiB are kept, the rest is counted, and shown once."""
    answers = lab.open(
        """
        import sys
        def f():
            for number in range(100_000): print(f"line {number:06}")
            print("the end", file=sys.stderr)
        """
    )
    answers.work.f()
    answers.close()
    printed = answers.printed()
    first, _, rest = printed.partition("\n")
    assert "[1,134,472 bytes before this were not kept]" == first
    assert 64 * 1024 == len(rest)
    assert rest.endswith("line 099999\nthe end\n")
    assert "" == answers.printed()


HANGS = {
    "asleep": "import time\ndef inner(): time.sleep(60)",
    "busy": "def inner():\n    while True: pass",
    "in C": "import re\ndef inner(): re.match('(a+)+b', 'a' * 40)",
    "deaf": """
import signal, time
for number in range(1, 64):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
def inner(): time.sleep(60)""",
    "swallows": """
import time
def inner():
    while True:
        try: time.sleep(60)
        except BaseException: pass""",
}


@pytest.mark.parametrize("hang", HANGS)
def test_a_hang_is_ended_and_located(lab: LittleLab, hang: str) -> None:
    """Wherever a process hangs, it is ended, and told are the student's own frames."""
    text = HANGS[hang].lstrip() + "\ndef f(): inner()"
    answers = lab.open(text)
    f = answers.work.f
    with pytest.raises(InterruptedError, match="enough"):
        interrupted(f)
    began = time.monotonic()
    found = answers.stacks()
    assert time.monotonic() - began < 10
    assert f"in inner, from work.py:{len(text.splitlines())} in f" in told(found)
    assert "labkit" not in told(found)
    assert "" == answers.printed()


def test_every_hanging_thread_is_located(lab: LittleLab) -> None:
    """Threads that hang at one place are counted, not listed."""
    answers = lab.open(
        """
        import threading, time
        def wait(): time.sleep(60)
        def f():
            for _ in range(3): threading.Thread(target=wait).start()
        """
    )
    answers.work.f()
    assert "work.py:2 in wait (3 threads)" == told(answers.stacks())


DAEMON = """
import os, subprocess, sys, threading, time
def daemonise(file):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 256)
            with open(file, "w") as pid: pid.write(str(os.getpid()))
            time.sleep(300)
        os._exit(0)
    while not os.path.exists(file) or not open(file).read(): time.sleep(0.005)
    return int(open(file).read())
def start(file):
    return [daemonise(file), subprocess.Popen(["sleep", "300"], start_new_session=True).pid, os.getpid()]
def die(file):
    daemonise(file)
    os._exit(5)
"""


@pytest.mark.parametrize("end", ["close", "kill", "stacks"])
def test_nothing_outlives_the_answers(lab: LittleLab, end: str, tmp_path: Path) -> None:
    """A grandchild that left its session and its parents is gone when its process is."""
    other = lab.open("def f(): return 1")
    f = other.work.f
    answers = lab.open(DAEMON)
    child = answers.another_process()
    processes = [psutil.Process(pid) for pid in child.work.start(str(tmp_path / "pid"))]
    assert all(is_alive(process) for process in processes)
    getattr(child, end)()
    assert [] == [process for process in processes if is_alive(process)]
    assert 1 == f()


def test_the_next_child_waits_for_those_that_were_left(lab: LittleLab, tmp_path: Path) -> None:
    """What a test leaves runs no further, and all that it started is gone before another test's code runs."""
    answers = lab.open(DAEMON)
    processes = [psutil.Process(pid) for pid in answers.work.start(str(tmp_path / "pid"))]
    assert all(is_alive(process) for process in processes)
    answers.leave()
    assert 1 == lab.open("def f(): return 1").work.f()
    assert [] == [process for process in processes if is_alive(process)]


def test_what_was_left_is_gone_when_the_run_ends(lab: LittleLab, tmp_path: Path) -> None:
    """Nothing of the last test's outlives what starts children."""
    lab.children = Children(Preload())
    answers = lab.open(DAEMON)
    processes = [psutil.Process(pid) for pid in answers.work.start(str(tmp_path / "pid"))]
    answers.leave()
    lab.children.close()
    assert [] == [process for process in processes if is_alive(process)]


def test_nothing_outlives_a_process_that_died(lab: LittleLab, tmp_path: Path) -> None:
    """The same when the student's process ends by itself: what it left is gone by the time that is told."""
    answers = lab.open(DAEMON)
    with pytest.raises(AnswerDied, match="exit status 5"):
        answers.work.die(str(tmp_path / "pid"))
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_nothing_outlives_a_kit_that_was_killed(lab: LittleLab, tmp_path: Path) -> None:
    """When the kit itself is killed, the template, its children and what they started are gone at once."""
    lab.open(DAEMON).close()
    script = dedent(f"""
        import sys
        from pathlib import Path
        from tests.door.conftest import LittleLab
        from pytest_labkit.answers.child.children import Children
        from pytest_labkit.answers.child.preload import Preload
        lab = LittleLab(Path({str(lab.root)!r}), Children(Preload()))
        answers = lab.open(Path({str(lab.file)!r}).read_text())
        pids = answers.work.start({str(tmp_path / "pid")!r})
        pids += [lab.children._templates["answers"]._process.pid]
        print(*pids, flush=True)
        sys.stdin.read()
    """)
    kit = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    with kit:
        assert kit.stdout is not None
        processes = [psutil.Process(int(pid)) for pid in kit.stdout.readline().split()]
        assert 4 == len(processes)
        kit.kill()
    until(lambda: not any(is_alive(process) for process in processes))


def is_alive(process: psutil.Process) -> bool:
    """Whether *process* has not ended."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def trouble_of(answers: Answers) -> Exception | None:
    """What `raise_trouble` raises."""
    try:
        answers.raise_trouble()
    except Exception as error:
        return error
    return None


def pid_of(process: ProcessAnswers) -> int:
    """The process that runs the answers, once it does."""
    until(lambda: process._child.process is not None)
    text = Path(f"/proc/self/fdinfo/{process._child.process}").read_text()
    return int(text.partition("Pid:")[2].split()[0])


def until(condition: Callable[[], bool]) -> None:
    """Wait for *condition*, for 20 seconds at most."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


def interrupted(call: Callable[[], object]) -> None:
    """Call, and raise `InterruptedError` half a second later, as a time limit does."""

    def ring(*_: object) -> None:
        raise InterruptedError("enough")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        call()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
