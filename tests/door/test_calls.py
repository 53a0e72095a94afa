"""Calls between a test and a student's code mean the same through both doors."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pytest_labkit.answers import AnswerMissing, AnswerRaised, NotAValue
from pytest_labkit.domain.errors import KitError
from tests.door.conftest import DOORS, PACKAGE, LittleLab

both_doors = pytest.mark.parametrize("door", DOORS)


class Boom(Exception):
    """An exception that only the test knows."""


@both_doors
def test_a_callable_is_called_back(lab: LittleLab, door: str) -> None:
    """What a test passes in is called with the student's arguments, and its result comes back."""
    answers = lab.open("def apply(f, *args, **kwargs): return ['got', f(*args, **kwargs)]", door)
    assert ["got", (1, {"b": 2.5})] == answers.work.apply(lambda a, b: (a, {"b": b}), 1, b=2.5)


@both_doors
def test_the_same_callable_is_the_same_there(lab: LittleLab, door: str) -> None:
    """A callable that is passed twice is one object, and comes back as the very object."""
    answers = lab.open("def same(f, g): return f is g\ndef back(f): return [f]", door)

    def one() -> None: ...

    assert answers.work.same(one, one) is True
    assert answers.work.same(one, print) is False
    assert answers.work.back(one)[0] is one


@both_doors
def test_callbacks_are_nested(lab: LittleLab, door: str) -> None:
    """A callback calls the student's code, which calls back again, on one thread all the way."""
    answers = lab.open(
        """
        import threading
        seen = []
        def down(n, f):
            seen.append(threading.get_ident())
            return n + f(n)
        def threads(): return len(set(seen))
        """,
        door,
    )
    here = set()

    def up(n: int) -> int:
        here.add(threading.get_ident())
        return 0 if n == 0 else answers.work.down(n - 1, up)

    assert 15 == answers.work.down(5, up)
    assert 1 == answers.work.threads()
    assert {threading.get_ident()} == here


@both_doors
def test_a_students_own_thread_calls_back(lab: LittleLab, door: str) -> None:
    """A thread of the student's calls back beside the test, and into the student's code again."""
    answers = lab.open(
        """
        import threading
        def begin(f):
            thread = threading.Thread(target=lambda: f('from a thread'))
            thread.start()
            return thread.join
        def double(n): return 2 * n
        """,
        door,
    )
    got: list[Any] = []
    join = answers.work.begin(lambda text: got.append((text, answers.work.double(21))))
    join()
    assert [("from a thread", 42)] == got


@both_doors
def test_fifty_threads_call_at_once(lab: LittleLab, door: str) -> None:
    """Fifty calls are in the student's code at the same moment, and each gets its own result."""
    answers = lab.open(
        """
        import threading
        gate = threading.Barrier(50)
        def meet(n, f):
            gate.wait(20)
            return f(n)
        """,
        door,
    )
    meet = answers.work.meet
    with ThreadPoolExecutor(50) as pool:
        assert [n * n for n in range(50)] == list(pool.map(lambda n: meet(n, lambda m: m * m), range(50)))


@both_doors
def test_a_thread_keeps_what_is_its_own(lab: LittleLab, door: str) -> None:
    """What a student's code keeps per thread is there at that thread's next call, and not for others."""
    answers = lab.open(
        """
        import threading
        own = threading.local()
        def put(value): own.value = value
        def get(): return getattr(own, 'value', None)
        def is_main(): return threading.current_thread() is threading.main_thread()
        """,
        door,
    )
    answers.work.put("main")
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(answers.work.get).result() is None
        pool.submit(answers.work.put, "other").result()
        assert "other" == pool.submit(answers.work.get).result()
    assert "main" == answers.work.get()
    assert answers.work.is_main() is True


def test_threads_over_there_end_with_those_here(lab: LittleLab) -> None:
    """A thousand threads that each called once leave no thousand threads in the child."""
    answers = lab.open("import threading\ndef count(): return threading.active_count()")
    for _ in range(100):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(answers.work.count).result()
    deadline = time.monotonic() + 20
    while (left := answers.work.count()) > 5:
        assert time.monotonic() < deadline, f"{left} threads are left"


@both_doors
@pytest.mark.parametrize("raised", [KeyError("a"), OSError(2, "no"), Boom("bang")], ids=repr)
def test_what_a_callback_raises_comes_out_as_the_very_object(
    lab: LittleLab, door: str, raised: Exception
) -> None:
    """An exception that a callback raises and the student's code lets pass is the test's own object."""
    answers = lab.open("def call(f): return f()", door)
    with pytest.raises(type(raised), match=str(raised).replace("[", r"\[")) as caught:
        answers.work.call(raiser(raised))
    assert caught.value is raised


@both_doors
def test_a_student_catches_what_a_callback_raises(lab: LittleLab, door: str) -> None:
    """It arrives as itself where it is Python's or the lab's, with its fields; else under its name."""
    answers = lab.open(
        """
        from little_lab.given import Refused
        def caught(f):
            try:
                f()
            except TimeoutError as error:
                return ['timeout', str(error)]
            except Refused as error:
                return ['refused', error.reason, error.code]
            except Exception as error:
                return [type(error).__name__, str(error)]
        """,
        door,
    )
    caught = answers.work.caught
    from little_lab.given import Refused  # type: ignore[import-not-found]

    assert ["timeout", "slow"] == caught(raiser(TimeoutError("slow")))
    assert ["refused", "full", 7] == caught(raiser(Refused("full", 7)))
    assert ["Boom", "bang"] == caught(raiser(Boom("bang")))


@both_doors
def test_the_labs_exceptions_arrive_as_themselves(lab: LittleLab, door: str) -> None:
    """An exception of the lab's arrives as itself, with its fields; one derived from it can be caught so."""
    answers = lab.open(
        """
        from little_lab.given import Refused
        class Overdrawn(Refused): pass
        class Odd(KeyError): pass
        def refuse(): raise Refused('full', 7)
        def overdraw(): raise Overdrawn('empty', 8)
        def odd(): raise Odd('x')
        """,
        door,
    )
    work = answers.work
    from little_lab.given import Refused

    with pytest.raises(Refused, match="full") as refused:
        work.refuse()
    assert (Refused, 7) == (type(refused.value), refused.value.code)
    with pytest.raises(Refused, match="empty") as overdrawn:
        work.overdraw()
    assert ("Overdrawn", 8) == (type(overdrawn.value).__name__, overdrawn.value.code)
    with pytest.raises(KeyError, match="x"):
        work.odd()


@both_doors
def test_attributes_are_read_and_set(lab: LittleLab, door: str) -> None:
    """Attributes of an object are read and set where it is."""
    answers = lab.open("class Breaker:\n    state = 'CLOSED'\n    def get(self): return self.state", door)
    breaker = answers.work.Breaker()
    assert "CLOSED" == breaker.state
    breaker.state = "OPEN"
    assert ("OPEN", "OPEN") == (breaker.state, breaker.get())


@both_doors
def test_a_given_file_runs_beside_the_answers(lab: LittleLab, door: str) -> None:
    """A given file is loaded where the student's code runs; no other file can be had so."""
    answers = lab.open("import os\ndef pid(): return os.getpid()", door)
    (lab.file.parent / "beside.py").write_text("def times(n, f): return [f() for _ in range(n)]\n")
    beside = answers.beside("beside")
    assert [answers.work.pid()] * 3 == beside.times(3, answers.work.pid)
    assert (door == "direct") == (beside is sys.modules.get(f"{PACKAGE}.beside"))
    with pytest.raises(AnswerMissing, match=r"the lab gives no file work\.py"):
        answers.beside("work")


@both_doors
def test_values_and_objects_are_passed_on(lab: LittleLab, door: str) -> None:
    """Models and exception classes are values; an object of the answers goes back as itself."""
    answers = lab.open(
        """
        from little_lab.given import Point
        class Box: pass
        def box(): return Box()
        def kinds(*values): return [type(value).__name__ for value in values]
        def moved(point): return Point(x=point.x + 1)
        def is_error(kind): return issubclass(kind, LookupError)
        """,
        door,
    )
    work = answers.work
    from little_lab.given import Point

    assert ["Box", "Point", "type"] == work.kinds(work.box(), Point(x=1), KeyError)
    assert Point(x=3) == work.moved(Point(x=2))
    assert work.is_error(KeyError) is True


@pytest.mark.parametrize(
    ("returned", "named"),
    [
        ("(n for n in 'ab')", "generator"),
        ("type('Liar', (int,), {'__eq__': lambda *_: True})(1)", "Liar"),
        ("type('Liar', (), {'__class__': property(lambda self: str)})()", "Liar"),
        ("type('Text', (str,), {})('a')", "Text"),
        ("type('Row', (dict,), {})(a=1)", "Row"),
        ("type('Rows', (list,), {})([1])", "Rows"),
    ],
    ids=["generator", "int", "class property", "str", "dict", "list"],
)
def test_what_is_no_value_is_named(lab: LittleLab, returned: str, named: str) -> None:
    """What is no value stays in the child: it equals nothing, is neither true nor false, and is named."""
    got = lab.open(f"def f(): return {returned}").work.f()
    assert named == type(got).__name__
    assert all(got != value for value in (1, "a", {"a": 1}, [1]))
    with pytest.raises(NotAValue, match=f"a {named}, which is no value that could be true or false"):
        bool(got)


def test_a_value_that_is_too_large_or_too_deep_is_refused(lab: LittleLab) -> None:
    """A value beyond 8 MiB, 64 levels or what JSON can say does not cross, and the call says so."""
    answers = lab.open(
        """
        def large(): return 'x' * (8 * 1024 * 1024)
        def long(): return 10 ** 5000
        def deep():
            value = []
            for _ in range(100): value = [value]
            return value
        def itself():
            value = []
            value.append(value)
            return value
        """
    )
    for call, said in {
        answers.work.large: r"a value of 8,388,\d\d\d bytes; 8,388,608 is the most",
        answers.work.long: "a value that cannot be passed on: Exceeds the limit",
        answers.work.deep: "nested deeper than 64",
        answers.work.itself: "nested deeper than 64",
    }.items():
        with pytest.raises(NotAValue, match=said):
            call()


def test_what_a_test_cannot_pass_on_is_the_tests_fault(lab: LittleLab) -> None:
    """A test that passes on what is no value breaks the kit, not the student."""
    answers = lab.open("def f(x): return x")
    with pytest.raises(KitError, match="a object is no value, and cannot be called"):
        answers.work.f(object())


def test_an_exception_that_will_not_tell_is_an_error_all_the_same(lab: LittleLab) -> None:
    """An exception whose str() raises, and whose args are nonsense, ends the call under its name."""
    answers = lab.open(
        """
        class Shy(Exception):
            args = property(lambda self: 1 / 0)
            def __str__(self): raise ValueError
        def f(): raise Shy
        """
    )
    with pytest.raises(AnswerRaised, match=r"its str\(\) raised ValueError") as shy:
        answers.work.f()
    assert "Shy" == type(shy.value).__name__


def test_another_process_has_another_hash_seed(lab: LittleLab) -> None:
    """Two processes of the answers do not agree on the hash of a text; two of the first kind do."""
    text = "def h(): return hash('order-1')"
    first, second = lab.open(text), lab.open(text)
    assert first.work.h() == second.work.h()
    assert first.work.h() != first.another_process().work.h()


def raiser(error: Exception) -> Callable[[], None]:
    """A function that raises *error*."""

    def raises() -> None:
        raise error

    return raises
