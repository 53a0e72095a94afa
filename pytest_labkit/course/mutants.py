"""
Mutants: right answers with one thing changed, which a named test must catch.

`solutions/labN/mutants/A4.toml` holds those that criterion A4 must catch. Each is a base, which is the model
answer or another right design, and changes of it: a text that occurs once, and what becomes of it.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from pytest_labkit.course.designs import FILE as DESIGN
from pytest_labkit.course.designs import folder_of
from pytest_labkit.course.submission import matching
from pytest_labkit.course.toml_lines import Misfit, Place, Source, load
from pytest_labkit.domain.model import Lab

SOLUTION = "solution"
FOLDER = "mutants"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Change(_Table):
    """
    A change of the one place that has the text *find*, in *file* or, if that is left out, in any file.

    *replace* takes its place; or the lines *add* come behind the line that it ends; with neither, the lines
    that it is are taken out. Or *whole*, a path, is the new file. *find* is looked for in what the changes
    before this one have left.
    """

    file: str = ""
    find: str = ""
    replace: str | None = None
    add: str = ""
    whole: str = ""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Change:
        if bool(self.find) == bool(self.whole) and not self.is_left_out:
            raise ValueError("a change says what to find and replace, or names a whole file")
        if not self.find and (self.replace is not None or self.add):
            raise ValueError("replace and add say what becomes of a text: find names it")
        if self.file and self.is_left_out:
            raise ValueError("file says where a change is made, and none is")
        if self.replace is not None and self.add:
            raise ValueError("a change replaces a text or adds lines behind it")
        return self

    @property
    def is_left_out(self) -> bool:
        """Whether a mutant says nothing here, as its changes have tables of their own."""
        return False

    def places(self, text: str) -> int:
        """How often *find* occurs in *text*: anywhere, at the end of a line, or as whole lines."""
        return len(self._pattern.findall(text))

    def made_in(self, text: str) -> str:
        """*text*, changed."""
        if self.add:
            return self._pattern.sub(lambda found: f"{found[0]}\n{self.add}", text)
        return self._pattern.sub(lambda _: self.replace or "", text)

    @property
    def _pattern(self) -> re.Pattern[str]:
        text = re.escape(self.find)
        if self.replace is None:
            text = f"{text}$" if self.add else f"^ *{text}\n"
        return re.compile(text, re.MULTILINE)


class Mutant(Change):
    """
    A wrong answer that *caught_by* (`file::function`), a test of its criterion, must refuse, and *why*.

    *breaks* are the promises of the lab's contract that it breaks, the main one first.
    What it changes in its *base* stands in itself; what more it changes, in *change*. *also_fails* are the
    criteria that it breaks as well, because it cannot do otherwise.
    """

    breaks: list[str] = []
    base: str = ""
    caught_by: str
    why: str = Field(min_length=20)
    also_fails: list[str] = []
    also_why: str = ""
    change: list[Change] = []

    _source: Source = PrivateAttr()
    _id: str = PrivateAttr()

    @property
    def id(self) -> str:
        """The name of its table."""
        return self._id

    @property
    def is_left_out(self) -> bool:
        """Whether all of its changes have tables of their own."""
        return bool(self.change) and not self.find and not self.whole

    @property
    def criterion(self) -> str:
        """The criterion that must catch it, which its file is named for."""
        return self._source.path.stem

    @property
    def where(self) -> str:
        """Its file and line, for people."""
        return self._source.at("mutant", self.id)

    def misfit(self, what: str, *place: str | int) -> Misfit:
        """That *what* is wrong with it, at *place*, such as `"change", 0, "find"`."""
        return Misfit(f"{self._source.at('mutant', self.id, *place)}: {self.id}: {what}")

    def files(self, lab: Lab) -> dict[str, str]:
        """
        The mutant itself: path → text, of all files that its base has.

        Raises:
            Misfit: It cannot be made of its base, equals it, or a file of it does not parse.
        """
        base = self.base_files(lab)
        made = dict(base)
        if not self.is_left_out:
            self._apply(self, (), made)
        for number, change in enumerate(self.change):
            self._apply(change, ("change", number), made)
        if made == base:
            raise self.misfit(f"it is the same as its base, {self.base}")
        for file in made:
            if made[file] != base[file]:
                self._parse(file, made[file])
        return made

    def base_files(self, lab: Lab) -> dict[str, str]:
        """The right answer that it is made of: path → text."""
        folder = self._solutions if self.base == SOLUTION else folder_of(self._solutions, self.base)
        found = matching(folder, lab.answers)
        if not found or not (self.base == SOLUTION or (folder / DESIGN).is_file()):
            there = ", ".join(
                sorted(p.parent.name for p in folder_of(self._solutions, "").glob(f"*/{DESIGN}"))
            )
            raise self.misfit(f"there is no base {self.base}; there are {SOLUTION}, {there}", "base")
        try:
            return {path: (folder / path).read_text("utf-8") for path in found}
        except UnicodeDecodeError as error:
            raise self.misfit(f"its base {self.base} is not UTF-8: {error}", "base") from None

    @property
    def _solutions(self) -> Path:
        return self._source.path.parent.parent

    def _apply(self, change: Change, place: Place, made: dict[str, str]) -> None:
        """Make *change*, which stands at *place*, to *made*."""
        if change.file and change.file not in made:
            raise self.misfit(f"{self.base} has {', '.join(made)}, and no file {change.file!r}", *place)
        files = [change.file] if change.file else list(made)
        if change.whole:
            if len(files) > 1:
                raise self.misfit(
                    f"{self.base} has {', '.join(made)}: file says which is a whole one", *place
                )
            made[files[0]] = self._whole(change.whole, place)
            return
        found = {file: times for file in files if (times := change.places(made[file]))}
        if (times := sum(found.values())) != 1:
            raise self.misfit(
                f"the text to find occurs {times} times in {', '.join(found or files)} of {self.base}, "
                "and has to occur once",
                *(*place, "find"),
            )
        (file,) = found
        made[file] = change.made_in(made[file])

    def _whole(self, path: str, place: Place) -> str:
        try:
            return (self._source.path.parent / path).read_text("utf-8")
        except OSError as error:
            raise self.misfit(f"{path}: {error.strerror}", *place, "whole") from None
        except UnicodeDecodeError as error:
            raise self.misfit(f"{path} is not UTF-8: {error}", *place, "whole") from None

    def _parse(self, file: str, text: str) -> None:
        try:
            _PARSERS.get(Path(file).suffix, str)(text)
        except Exception as error:
            raise self.misfit(f"the changed {file} does not parse: {error}") from None


class _Mutants(_Table):
    """A file of mutants: tables by id; its *base* is that of the mutants that name none."""

    base: str = SOLUTION
    mutant: dict[str, Mutant] = Field(min_length=1)


def read(path: Path) -> list[Mutant]:
    """The mutants in the file *path*; raises `Misfit` if it does not say what it has to."""
    source, told = load(path, _Mutants)
    return [_named(id_, mutant, told.base, source) for id_, mutant in told.mutant.items()]


def _named(id_: str, mutant: Mutant, base: str, source: Source) -> Mutant:
    named = mutant if mutant.base else mutant.model_copy(update={"base": base})
    named._source, named._id = source, id_
    return named


def files_of(lab: Lab, solutions: Path) -> list[Path]:
    """The files that hold mutants of *lab* in *solutions*."""
    return sorted((solutions / lab.folder.name / FOLDER).glob("*.toml"))


def mutants(lab: Lab, solutions: Path) -> list[Mutant]:
    """All mutants of *lab* in *solutions*; raises `Misfit` if a file of them cannot be read."""
    return [mutant for path in files_of(lab, solutions) for mutant in read(path)]


def broken_by(lab: Lab, solutions: Path) -> dict[str, list[str]]:
    """Promise -> the mutants that break it; a file of them that cannot be read counts as empty."""
    broken: dict[str, list[str]] = {}
    for path in files_of(lab, solutions):
        with suppress(Misfit):
            for mutant in read(path):
                for id_ in mutant.breaks:
                    broken.setdefault(id_, []).append(mutant.id)
    return broken


def _yaml(text: str) -> Any:
    import yaml

    return yaml.safe_load(text)


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    ".py": ast.parse,
    ".yaml": _yaml,
    ".avsc": json.loads,
}
