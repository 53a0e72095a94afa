"""The promises of a lab's contract: sentences of its README that have an id, such as `A2.3`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from pytest_labkit.domain.model import Lab, Promise

README = "README.md"

_ID = r"[A-Z]\d+\.\d+"
_HEAD = re.compile(rf"(?<![\w.`])`({_ID})`\s")
_NAMED = re.compile(rf"\b({_ID})(?: to ({_ID}))?")
_ENDS = re.compile(r"\n\s*\n|\n\s*[-*#|]|\n```")


def read(lab: Lab) -> list[Promise]:
    """
    The promises of *lab*, in the order of its README; one that stands there twice is there twice.

    Each is `at` a path in the project and a line.
    """
    path = lab.folder / README
    place = "/".join((*lab.package.split("."), README))
    return list(_promises(path.read_text("utf-8"), place)) if path.is_file() else []


def _promises(text: str, place: str) -> Iterator[Promise]:
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    said = [
        " ".join(_ENDS.split(text[h.end() : end], maxsplit=1)[0].split())
        for h, end in zip(heads, ends, strict=False)
    ]
    for number, head in enumerate(heads):
        line = text.count("\n", 0, head.start()) + 1
        sentence = next(filter(None, said[number:]), "")  # of ids in a row, the sentence after the last
        yield Promise(head[1], sentence, f"{place}:{line}")


def named_in(text: str) -> set[str]:
    """The ids that *text* names, ranges such as `A1.1 to A1.3` written out."""
    return {id_ for first, last in _NAMED.findall(text) for id_ in _range(first, last or first)}


def _range(first: str, last: str) -> list[str]:
    (criterion, begin), (_, end) = first.split("."), last.split(".")
    return [f"{criterion}.{number}" for number in range(int(begin), int(end) + 1)]


def problems(
    lab: Lab,
    tested: Mapping[str, Collection[str]],
    broken: Mapping[str, Collection[str]],
) -> Iterator[str]:
    """
    What is wrong with the promises of *lab*, a sentence each, with the place in the README.

    Args:
        lab: The lab.
        tested: Promise -> the tests that check it.
        broken: Promise -> the mutants that break it.
    """
    promises = read(lab)
    stubs = named_in("\n".join(_texts(lab)))
    first = {promise.id: number for number, promise in reversed(list(enumerate(promises)))}
    criteria = {criterion.id for criterion in (*lab.criteria, *lab.challenges)}
    for number, promise in enumerate(promises):
        where = f"{promise.at}: {promise.id}"
        if promise.criterion not in criteria:
            yield f"{where} is of no criterion of lab.toml"
        if promise.id not in tested:
            yield f"{where} is checked by no test"
        if promise.id not in broken:
            yield f"{where} is broken by no mutant"
        if promise.id not in stubs:
            yield f"{where} is named in no stub"
        if number != first[promise.id]:
            yield f"{where} is there twice, at {promises[first[promise.id]].at} too"


def _texts(lab: Lab) -> Iterator[str]:
    """What the student's files say as they are given out."""
    paths = {path for pattern in lab.answers for path in lab.folder.glob(pattern)}
    yield from (path.read_text("utf-8") for path in sorted(paths))
