"""Who plays: the answers of a lab, the services, and the links to them; put together once for the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from redis import Redis, RedisError

from pytest_labkit.answers.child import loading
from pytest_labkit.answers.child.children import Children
from pytest_labkit.answers.child.preload import Preload
from pytest_labkit.answers.process import ProcessAnswers
from pytest_labkit.course import manifest, submission
from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.domain.model import Lab
from pytest_labkit.faults.faults import Faults
from pytest_labkit.faults.process import ProxyProcess
from pytest_labkit.host.scratch import Scratch
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import Services
from pytest_labkit.services.catalogue import SERVICES

FILE = "simulation.py"
"""The file of a lab that says what is played."""


def playable(root: Path) -> Lab:
    """
    The first lab below *root* that says what is played.

    Raises:
        UsageProblem: There is none.
    """
    for lab in manifest.find(root):
        if (lab.folder / FILE).is_file():
            return lab
    raise UsageProblem(
        f"No lab below {root} has a {FILE}: there is nothing to simulate.", "Go to the folder of your course."
    )


class Cast:
    """
    Inside of `with`: the answers of *lab*, and the services that it needs, started if nobody keeps them.

    Attributes:
        offer: The lab's `simulation.py`, as this process has it.
        faults: What can be broken on the way to the services.
        kafka: Where the brokers are, past the links.
    """

    def __init__(self, lab: Lab, settings: Settings, say: Callable[[str], None]) -> None:
        self.lab = lab
        self.settings = settings
        self._say = say
        self._exit = ExitStack()
        self.offer: ModuleType
        self.faults: Faults
        self.environ: dict[str, str] = {}
        self.kafka = ""
        self._redis: Any = None

    @property
    def label(self) -> str:
        """Whose code it is that plays."""
        if not self.settings.answers:
            return f"your code: {self.lab.package.replace('.', '/')}"
        if self.settings.answers[-1] == self.settings.root / "solutions" and len(self.settings.answers) == 1:
            return "the model answer"
        return f"the answers in {self.settings.answers[0].name}"

    def __enter__(self) -> Cast:
        with ExitStack() as stack:
            self.scratch = Scratch("simulator")
            stack.callback(self.scratch.close)
            self._stage(stack)
            self._start(stack)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def _stage(self, stack: ExitStack) -> None:
        copies = self.scratch.path / "answers"
        copies.mkdir()
        self.staged = submission.stage(self.lab, self.settings.answers, copies)
        loading.open_package(self.lab.package, self.settings.root, [self.lab.folder])
        self.offer = loading.load(self.lab.package, FILE.removesuffix(".py"))
        self.children = Children(Preload.of(self.staged, self.settings.root), self.environ)
        stack.callback(self.children.close)

    def _start(self, stack: ExitStack) -> None:
        services = stack.enter_context(Services(self.settings, self._say))
        names = ("kafka", "redis")
        services.start(names)
        self.environ.update(self.settings.environ)
        found = {}
        for name in names:
            own, found[name] = SERVICES[name].own, services.endpoint(name)
            if own is not None:
                found[name] = stack.enter_context(own(found[name]))
            self.environ.update(found[name].env)
        self.kafka = found["kafka"].address
        self._redis = stack.enter_context(Redis.from_url(found["redis"].address, decode_responses=True))
        relay = ProxyProcess()
        stack.callback(relay.close)
        self.faults = Faults(services, ["kafka"], self.environ, relay, self.settings.seed)
        stack.callback(self.faults.close)
        self.services = services
        self.children.warm("another")

    def process(self) -> ProcessAnswers:
        """The answers, in a new process that can be killed."""
        child = self.children.start("another")
        return ProcessAnswers(self.staged, self.settings.root, child, self.children.environ)

    def counts(self, name: str, numbers: Sequence[int] | None = None) -> dict[int, int]:
        """The counts of *numbers*, of all if left out, in the hash *name* of Redis; none if it is away."""
        with suppress(RedisError):
            if numbers is None:
                told = self._redis.hgetall(name)
            elif numbers:
                told = dict(zip(map(str, numbers), self._redis.hmget(name, numbers), strict=True))
            else:
                told = {}
            return {int(field): int(count) for field, count in told.items() if count and field.isdigit()}
        return {}

    def forget(self, name: str, numbers: Sequence[int]) -> None:
        """Remove the counts of *numbers*: the next run begins at zero."""
        with suppress(RedisError):
            if numbers:
                self._redis.hdel(name, *numbers)

    def code(self, name: str) -> str | None:
        """The text of the student's file *name*; `None` if there is none."""
        if name not in {file.path for file in self.staged.files}:
            return None
        return (self.staged.folder / name).read_text("utf-8", "replace")
