"""The door `direct`: the student's code runs in this process, so breakpoints and tracebacks work."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from pytest_labkit.answers.child import compiled, loading
from pytest_labkit.answers.rpc.errors import AnswerMissing
from pytest_labkit.course.submission import Staged


class DirectAnswers:
    """The student's modules, imported here, afresh for each of these objects."""

    def __init__(self, staged: Staged, root: Path) -> None:
        self._staged = staged
        lab = staged.lab
        folders = dict.fromkeys((staged.folder, lab.folder))
        compiled.find_in(map(str, folders))
        loading.open_package(lab.package, root, folders)
        loading.forget(lab.package, staged.modules)

    def beside(self, name: str) -> ModuleType:
        """The given module *name*; raises `AnswerMissing` if the lab gives none."""
        if (module := self._staged.helper(name)) is None:
            raise AnswerMissing(f"the lab gives no file {name}.py")
        return loading.load(self._staged.lab.package, module)

    def __getattr__(self, name: str) -> ModuleType:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._staged.modules:
            raise AnswerMissing(f"there is no file {name}.py")
        return loading.load(self._staged.lab.package, name)
