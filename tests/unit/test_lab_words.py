"""The kit knows nothing of what its labs are about: their words are in labs/, and in docstrings at most."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "pytest_labkit"
WORDS = re.compile(
    r"breaker|circuit|payment|inventory|customer|charge|shop|event.store|OrderCreated|ItemAdded",
    re.IGNORECASE,
)


def files() -> list[Path]:
    """Code, pages and templates."""
    kinds = {".py", ".js", ".css", ".html", ".j2", ".toml", ".json"}
    return sorted(file for file in PACKAGE.rglob("*") if file.suffix in kinds)


def code(source: str) -> Iterator[str]:
    """Names and strings of Python's, docstrings left out."""
    tree = ast.parse(source)
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.value
        for field in ("id", "attr", "arg", "name"):
            if isinstance(word := getattr(node, field, None), str):
                yield word


def lab_words(file: Path) -> set[str]:
    """Those that *file* has."""
    text = file.read_text("utf-8")
    return {word for part in (code(text) if file.suffix == ".py" else [text]) for word in WORDS.findall(part)}


@pytest.mark.parametrize(
    "source", ["BREAKERS = 1", "x.circuit_breaker()", "f('OrderCreated')", "def charge(): ..."]
)
def test_a_lab_s_word_in_code_is_seen(tmp_path: Path, source: str) -> None:
    """As a name, an attribute, a string, or a function."""
    (tmp_path / "x.py").write_text(f'"""Such as a breaker."""\n{source}\n', "utf-8")
    assert 1 <= len(lab_words(tmp_path / "x.py"))


def test_a_docstring_may_name_a_lab_s_things(tmp_path: Path) -> None:
    """As an example."""
    (tmp_path / "x.py").write_text('def f():\n    """Such as a breaker."""\n', "utf-8")
    assert set() == lab_words(tmp_path / "x.py")


def test_the_kit_has_no_word_of_a_lab_s() -> None:
    """In no name, string, page or template."""
    found = {str(file.relative_to(PACKAGE)): words for file in files() if (words := lab_words(file))}
    assert {} == found
