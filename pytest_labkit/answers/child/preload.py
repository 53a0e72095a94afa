"""What a template has ready before it is forked, so that no child has to do it again."""

from __future__ import annotations

import gc
import importlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pytest_labkit.answers.child import compiled, loading
from pytest_labkit.course.submission import Staged
from pytest_labkit.services import aws


@dataclass(frozen=True)
class Preload:
    """
    What to import, to read and to compile: never is a student's file run.

    *modules* are packages of third parties (see `imports.third_party`), *clients* the services of AWS
    that the lab uses, *given* those given files of the lab's *package* that use no student's, *answers*
    the student's own.
    """

    modules: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    package: str = ""
    root: str = ""
    folder: str = ""
    given: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()

    @classmethod
    def of(cls, staged: Staged, root: Path) -> Preload:
        """What the answers of a lab need."""
        from pytest_labkit.services.catalogue import SERVICES  # no child needs it

        aws_services = {name for name, service in SERVICES.items() if service.client == "boto3"}
        modules = tuple(staged.imports)
        uses_boto3 = any(module.startswith("boto") for module in modules)
        return cls(
            modules=modules,
            clients=tuple(aws_services & set(staged.lab.services)) if uses_boto3 else (),
            package=staged.lab.package,
            root=str(root),
            folder=str(staged.lab.folder),
            given=tuple(staged.given_on_their_own),
            answers=tuple(path for path in staged.paths if path.endswith(".py")),
        )

    def as_text(self) -> str:
        """As an argument of a program."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Preload:
        """The inverse of `as_text`."""
        return cls(**json.loads(text))

    def load(self) -> None:
        """
        Have it all in this process. What cannot be imported is the student's to find out.

        The garbage collector is off from here on, and is never to look at what is there by the end: so that
        stays shared with those who are forked, who turn it on again.
        """
        gc.disable()
        for module in self.modules:
            name, _, parts = module.partition(":")
            with suppress(BaseException):
                __import__(name, fromlist=parts.split(",") if parts else [])
        self.rehearse()
        if self.package:
            loading.open_package(self.package, Path(self.root), [Path(self.folder)])
        for name in self.given:
            with suppress(BaseException):
                importlib.import_module(name)
        compiled.compile_files(self.answers)
        gc.freeze()

    def rehearse(self) -> None:
        """Do what the answers will do first; in a child that waits, so that its memory is its own by then."""
        for client in self.clients:
            with suppress(Exception):
                aws.warm(client)
