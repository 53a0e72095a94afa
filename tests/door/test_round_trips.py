"""How often a test waits for a student's process, and that what it gets is the same as ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_labkit.answers import NotAValue
from pytest_labkit.answers.rpc.channel import Channel
from tests.door.conftest import DOORS, LittleLab

both_doors = pytest.mark.parametrize("door", DOORS)

Replies = Callable[[], int]

STORE = """
    class Store:
        kept = []
        def append(self, value):
            self.kept.append(value)
            return len(self.kept)
        @classmethod
        def named(cls): return cls.__name__
        @staticmethod
        def twice(n): return 2 * n
"""


@pytest.fixture
def replies(monkeypatch: pytest.MonkeyPatch) -> Replies:
    """How many replies have come since this was last asked."""
    receive, found = Channel.receive, list[dict[str, Any]]()

    def counted(channel: Channel) -> dict[str, Any] | None:
        frame = receive(channel)
        found.extend([frame] if frame is not None and "reply" in frame else [])
        return frame

    def taken() -> int:
        number = len(found)
        found.clear()
        return number

    monkeypatch.setattr(Channel, "receive", counted)
    return taken


def test_the_first_line_of_a_test_is_three_round_trips(lab: LittleLab, replies: Replies) -> None:
    """The module, the object, the method: nothing is asked for that is only on the way."""
    assert 1 == lab.open(STORE).work.Store().append("a")
    assert 3 == replies()


def test_a_method_call_is_one_round_trip(lab: LittleLab, replies: Replies) -> None:
    """Methods, class methods and static methods of an object, and functions of a module."""
    answers = lab.open(f"{STORE}\n    def here(): return 7")
    store = answers.work.Store()
    replies()
    for expected, call in {1: lambda: store.append("a"), 4: lambda: store.twice(2)}.items():
        assert (expected, 1) == (call(), replies())
    assert ("Store", 1) == (store.named(), replies())
    assert (7, 1) == (answers.work.here(), replies())


def test_a_module_is_loaded_once(lab: LittleLab, replies: Replies) -> None:
    """A module is asked for at its first use and not again, in each process of the answers."""
    answers = lab.open(STORE)
    other = answers.another_process()
    for process in (answers, other):
        assert all(process.work is process.work for _ in range(3))
    assert 2 == replies()


def test_a_module_that_failed_to_load_is_loaded_again(lab: LittleLab, replies: Replies) -> None:
    """As Python does it: what an import raised is raised by the next one as well."""
    answers = lab.open("raise ValueError('not yet')")
    for _ in range(2):
        with pytest.raises(ValueError, match="not yet"):
            _ = answers.work
    assert 2 == replies()


def test_an_object_over_there_has_methods_of_its_own(lab: LittleLab, replies: Replies) -> None:
    """A callable is passed on without being asked for, and what it is there counts."""
    answers = lab.open(f"{STORE}\n    def call(f, *args): return f(*args)")
    work = answers.work
    store = work.Store()
    replies()
    assert 1 == work.call(store.append, "a")
    assert 4 == work.call(work.Store.twice, 2)
    assert 3 == replies()


@both_doors
def test_a_value_in_the_place_of_a_method_is_a_value(lab: LittleLab, door: str) -> None:
    """An instance's attribute hides the method of its name, whenever it was set and by whom."""
    answers = lab.open(
        """
        class Breaker:
            def state(self): return 'method'
            def opened(self): return False
            def open(self): self.opened = 'yes'
            def reset(self): self.state = 'RESET'
            def label(self): return 'method'
            def __init__(self): self.state = 'CLOSED'
        """,
        door,
    )
    breaker = answers.work.Breaker()
    assert "CLOSED" == breaker.state
    breaker.state = "OPEN"
    assert "OPEN" == breaker.state
    breaker.reset()
    assert "RESET" == breaker.state
    breaker.label = "a label"
    assert "a label" == breaker.label
    breaker.open()
    assert "yes" == breaker.opened
    with pytest.raises(TypeError, match="'str' object is not callable"):
        breaker.opened()


@both_doors
def test_what_is_there_at_the_call_is_called(lab: LittleLab, door: str) -> None:
    """A method that was replaced or deleted after the object had come is the one that it is now."""
    answers = lab.open(
        """
        class Store:
            def get(self): return 'first'
        def replace(): Store.get = lambda self: 'second'
        def delete(): del Store.get
        def own(store): store.get = lambda: 'own'
        """,
        door,
    )
    store = answers.work.Store()
    assert "first" == store.get()
    answers.work.replace()
    assert "second" == store.get()
    answers.work.own(store)
    assert "own" == store.get()
    other = answers.work.Store()
    answers.work.delete()
    with pytest.raises(AttributeError, match="'Store' object has no attribute 'get'"):
        other.get()


@both_doors
def test_a_test_may_replace_a_function(lab: LittleLab, door: str) -> None:
    """A function that a test puts into a module is called by the student's code, and is the very object."""
    answers = lab.open("def now(): return 0\ndef later(): return now() + 1", door)

    def now() -> int:
        return 41

    work = answers.work
    assert 0 == work.now()
    work.now = now
    assert (42, 41) == (work.later(), work.now())
    assert work.now is now


@both_doors
def test_attributes_are_looked_up_as_python_does(lab: LittleLab, door: str) -> None:
    """Properties, `__getattr__`, `__getattribute__`, an instance's callables, nested classes."""
    answers = lab.open(
        """
        import functools
        class Base:
            def both(self): return 'base'
            def hidden(self): return 'base'
        class Odd(Base):
            hidden = 'a value'
            limit = 3
            size = property(lambda self: 9)
            cached = functools.lru_cache(lambda self: 'cached')
            class Part:
                def name(self): return 'part'
            def __init__(self): self.double = lambda n: 2 * n
            def both(self): return super().both() + ', odd'
            def __getattr__(self, name):
                if name.startswith('get_'): return lambda: name
                raise AttributeError(f'no {name} here')
        class All:
            def known(self): return 'never'
            def __getattribute__(self, name): return lambda: f'all of {name}'
        """,
        door,
    )
    odd, work = answers.work.Odd(), answers.work
    assert ("a value", 3, 9, "cached") == (odd.hidden, odd.limit, odd.size, odd.cached())
    assert ("base, odd", 8, "get_it") == (odd.both(), odd.double(4), odd.get_it())
    assert "part" == work.Odd.Part().name() == odd.Part().name()
    work.Odd.limit = 5
    assert 5 == odd.limit
    assert ["all of known", "all of other"] == [work.All().known(), work.All().other()]
    with pytest.raises(AttributeError, match="no color here"):
        _ = odd.color
    with pytest.raises(AttributeError, match=r"module 'little_lab\.work' has no attribute 'nothing'"):
        _ = work.nothing


@both_doors
def test_a_class_that_both_sides_know_is_itself(lab: LittleLab, door: str) -> None:
    """What a student's file imports from a given one is the test's own class."""
    answers = lab.open("from little_lab.given import Point, Refused\nfrom builtins import KeyError", door)
    work = answers.work
    from little_lab.given import Point, Refused  # type: ignore[import-not-found]

    assert (Point, Refused, KeyError) == (work.Point, work.Refused, work.KeyError)


def test_a_callable_that_is_not_called_is_what_it_is(lab: LittleLab, replies: Replies) -> None:
    """As a value a method is what it was: no value, named, equal to nothing, with its own attributes."""
    work = lab.open(f"{STORE}\n    def f(): 'what it does'\n    f.tag = 'a tag'").work
    method, function = work.Store().append, work.f
    replies()
    assert ["method", "function", "type"] == [type(part).__name__ for part in (method, function, work.Store)]
    with pytest.raises(TypeError, match="'method' object is not subscriptable"):
        method[0]
    with pytest.raises(TypeError, match="'function' object is not iterable"):
        list(function)
    assert 0 == replies()
    assert ("<an object of the answers: method>", "a tag") == (repr(method), function.tag)
    assert method != 1
    assert function != "a tag"
    with pytest.raises(NotAValue, match="a function, which is no value that could be true or false"):
        bool(function)
    function.tag = "another"
    assert "another" == work.f.tag
    manager = "'type' object does not support the context manager protocol"
    with pytest.raises(TypeError, match=manager), work.Store:
        pass


@both_doors
def test_a_class_with_many_methods_has_them_all(lab: LittleLab, door: str) -> None:
    """Beyond those that are told of, a method is asked for; so is one with a name that is overlong."""
    answers = lab.open(
        """
        Many = type('Many', (), {f'f{n}': (lambda n: lambda self: n)(n) for n in range(2_000)})
        setattr(Many, 'x' * 200, lambda self: 'x')
        setattr(Many, 'no name', lambda self: 'none')
        globals()[3] = Many
        """,
        door,
    )
    many = answers.work.Many()
    assert [0, 999, 1_000, 1_999] == [many.f0(), many.f999(), many.f1000(), many.f1999()]
    assert ("x", "none") == (getattr(many, "x" * 200)(), getattr(many, "no name")())
