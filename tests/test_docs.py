"""The documents say what is true: tables are made from the code, examples are run."""

from __future__ import annotations

import dataclasses
import importlib
import os
import pydoc
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from pytest_labkit.cli.check_labs import linter
from pytest_labkit.course import manifest, promises
from pytest_labkit.course.mutants import broken_by
from pytest_labkit.course.testfiles import promises_of
from pytest_labkit.domain.model import CriterionResult, Lab, Message, Report, Status, Verdict
from pytest_labkit.host import settings
from pytest_labkit.host.settings import OPTIONS
from pytest_labkit.report import published, text
from pytest_labkit.services.catalogue import SERVICES
from pytest_labkit.session import fixtures, services
from pytest_labkit.systems.plan import Gauge, Plan, Program, Rate
from tests.attacks.conftest import ATTACKS, DOORS, Expected

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference.md"
INTEGRITY = ROOT / "docs" / "integrity.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
DECISIONS = ROOT / "docs" / "decisions"
RECORD = os.environ.get("LABKIT_RECORD") == "1"


def between(page: str, marker: str) -> str:
    """What stands between `<!-- marker -->` and `<!-- /marker -->`."""
    return page.partition(f"<!-- {marker} -->\n")[2].partition(f"<!-- /{marker} -->")[0]


def recorded(file: Path, marker: str, made: str) -> str:
    """What *file* has between the markers; with `LABKIT_RECORD=1` it is written there first."""
    page = file.read_text("utf-8")
    if RECORD:
        page = page.replace(f"<!-- {marker} -->\n{between(page, marker)}", f"<!-- {marker} -->\n{made}", 1)
        file.write_text(page, "utf-8")
    assert made == between(page, marker), f"LABKIT_RECORD=1 pytest tests/test_docs.py writes {file.name} anew"
    return made


def promises_tables() -> str:
    """Of each lab: every promise, the tests that check it, and the mutants that break it."""
    tables = []
    for lab in manifest.find(ROOT):
        tested, broken = promises_of(lab), broken_by(lab, ROOT / "solutions")
        rows = [f"\n## {lab.id}: {lab.title}\n", "| promise | tests | broken by |", "|---|---|---|"]
        for promise in promises.read(lab):
            place, _, line = promise.at.partition(":")
            tests = ", ".join(f"`{test.partition('::')[2]}`" for test in tested.get(promise.id, ["::none"]))
            mutants = ", ".join(f"`{id_}`" for id_ in broken.get(promise.id, ["none"]))
            said = promise.text if len(promise.text) <= 90 else f"{promise.text[:88].rsplit(' ', 1)[0]} …"
            cell = said.replace("|", "\\|")
            rows.append(f"| [{promise.id}](../{place}), line {line}: {cell} | {tests} | {mutants} |")
        tables.append("\n".join(rows))
    return "\n".join(tables) + "\n"


def packages_drawn() -> str:
    """The layers of the import contract, the highest first; a bracket joins packages of one layer."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers: list[str] = project["tool"]["importlinter"]["contracts"][0]["layers"]
    lines = []
    for layer in layers:
        names = layer.split(" | ")
        brackets = ["┌", *"│" * (len(names) - 2), "└"] if len(names) > 1 else [" "]
        lines += [f"{b} {name:<11} {about(name)}" for b, name in zip(brackets, names, strict=True)]
    return "\n".join(["```", *lines, "```", ""])


def about(package: str) -> str:
    """The first sentence of a package's docstring."""
    text = pydoc.getdoc(importlib.import_module(f"pytest_labkit.{package}"))
    return " ".join(text.partition("\n\n")[0].split()).partition(". ")[0].removesuffix(".")


def decisions() -> list[Path]:
    """The pages, by number."""
    return sorted(DECISIONS.glob("[0-9]*.md"))


def decisions_list() -> str:
    """Number and title of each decision, with a link."""
    titles = [page.read_text("utf-8").partition("\n")[0].removeprefix("# ") for page in decisions()]
    return "".join(f"- [{title}]({page.name})\n" for title, page in zip(titles, decisions(), strict=True))


def options_table() -> str:
    """The table of the options, from `settings.OPTIONS`."""
    rows = ["| option | ini | environment | means |", "|---|---|---|---|"]
    for option in OPTIONS:
        value = "" if option.switch else " " + (option.metavar or "\\|".join(option.choices))
        default = f"; default `{option.default}`" if option.default else ""
        often = "; repeatable" if option.repeatable else ""
        cells = [f"`{name}`" if name else "" for name in (option.ini, option.env)]
        rows.append(f"| `{option.flag}{value}` | {' | '.join(cells)} | {option.help}{default}{often} |")
    return "\n".join(rows) + "\n"


def services_table() -> str:
    """The table of the services, from the catalogue."""
    rows = ["| fixture | is | the kit starts | external: the variable |", "|---|---|---|---|"]
    chosen = settings.resolve(ROOT, environ={})
    for service in SERVICES.values():
        release, variables = service.release(chosen), service.external.variables
        named = " or ".join(f"`{variable}`" for variable in variables)
        rows.append(f"| `{service.name}` | {service.gives} | {release.title} {release.version} | {named} |")
    return "\n".join(rows) + "\n"


def attacks_table() -> str:
    """What becomes of each submission in `tests/attacks/`, as its `attack.toml` says."""
    rows = ["| case | a submission | in door `process` | in door `direct` |", "|---|---|---|---|"]
    for attack in ATTACKS:
        doors = [outcome(attack.expected.get(door)) for door in DOORS]
        path = attack.folder.relative_to(ROOT).as_posix()
        rows.append(f"| [{attack.case}](../{path}) | {attack.tries} | {' | '.join(doors)} |")
    return "\n".join(rows) + "\n"


def outcome(expected: Expected | None) -> str:
    """How a run ends, in a cell of the table."""
    if expected is None:
        return "not tried: it would write into the files of pytest itself"
    verdicts = [f"{id_} {verdict}" for id_, verdict in (expected.verdicts or {"no": "report"}).items()]
    promised = "" if expected.promised else "**not promised:** "
    return f"{promised}{', '.join(verdicts)}; exit {expected.exit}"


def test_attacks_are_those_of_the_tests() -> None:
    """The page on integrity says of each submission that cheats what its test expects."""
    assert attacks_table() == recorded(INTEGRITY, "attacks", attacks_table())


def test_every_case_has_a_submission() -> None:
    """Each way to cheat on the kit's list is tried by a submission, through door process."""
    cases = [f"A{n:02}" for n in range(1, 23)] + ["C03", "C05"] + [f"D{n:02}" for n in range(1, 11)]
    assert [] == [case for case in cases if case not in {a.case for a in ATTACKS if "process" in a.expected}]
    unkept = [a.folder.name for a in ATTACKS if not a.expected["process"].promised]
    assert [] == unkept


def test_options_are_those_of_the_code() -> None:
    """The reference lists every option as it is."""
    assert options_table() == recorded(REFERENCE, "options", options_table())


def test_the_coverage_of_promises_is_shown() -> None:
    """Every promise of every lab, with its tests and mutants; none is without one of each."""
    assert promises_tables() == recorded(ROOT / "docs" / "promises.md", "promises", promises_tables())
    assert "`none`" not in promises_tables()


def test_the_packages_are_drawn_as_they_are() -> None:
    """The drawing has every layer of the import contract, and each package's own sentence."""
    assert packages_drawn() == recorded(ARCHITECTURE, "packages", packages_drawn())


def test_the_architecture_is_one_page() -> None:
    """Of 120 lines at most."""
    assert 120 >= len(ARCHITECTURE.read_text("utf-8").splitlines())


def test_every_decision_is_in_the_index() -> None:
    """By number and title; numbers leave no gap and are given once."""
    assert decisions_list() == recorded(DECISIONS / "README.md", "decisions", decisions_list())
    assert [f"{n:04}" for n in range(1, len(decisions()) + 1)] == [page.name[:4] for page in decisions()]


@pytest.mark.parametrize("page", decisions(), ids=lambda page: page.stem)
def test_a_decision_says_what_was_turned_down(page: Path) -> None:
    """In at most 25 lines: its number and title, context, decision, what was turned down, consequences."""
    text = page.read_text("utf-8")
    assert 25 >= len(text.splitlines())
    assert text.startswith(f"# {page.name[:4]} ")
    parts = ["Context", "Decision", "Turned down", "Consequences"]
    assert parts == re.findall(r"^\*\*([^*]+)\.\*\* \S", text, re.MULTILINE)


def test_services_are_those_of_the_catalogue() -> None:
    """The reference lists every service as its own file describes it."""
    assert services_table() == recorded(REFERENCE, "services", services_table())


def test_every_service_has_a_fixture() -> None:
    """Made from the catalogue, or written by hand because it gives more."""
    offered = {**vars(fixtures), **vars(services.plugin())}
    assert [] == [name for name in SERVICES if name not in offered]


def test_fixtures_are_in_the_reference() -> None:
    """Every fixture that a lab's tests can ask for is explained."""
    plugins = {**vars(fixtures), **vars(services.plugin())}
    offered = {name for name, what in plugins.items() if type(what).__name__ == "FixtureFunctionDefinition"}
    assert {"answers", "dynamodb", "kafka", "measure"} <= offered
    assert set() == offered - set(re.findall(r"^\| `(\w+)`", REFERENCE.read_text("utf-8"), re.MULTILINE))


def test_verdicts_are_in_the_reference() -> None:
    """Every verdict is explained."""
    page = REFERENCE.read_text("utf-8").partition("## Verdicts")[2].partition("## ")[0]
    assert [str(verdict) for verdict in Verdict] == re.findall(r"^\| `(\w+)`", page, re.MULTILINE)


@pytest.mark.parametrize("table", [manifest._Lab, manifest._Criterion], ids=["lab", "criterion"])
def test_keys_of_lab_toml_are_in_the_reference(table: type[manifest._Table]) -> None:
    """Every key of lab.toml is explained."""
    page = REFERENCE.read_text("utf-8").partition("## lab.toml")[2]
    assert [] == [key for key in table.model_fields if f"`{key}`" not in page]


@pytest.mark.parametrize("table", [Plan, Program, Rate, Gauge])
def test_keys_of_system_toml_are_in_the_reference(table: type[BaseModel]) -> None:
    """Every key of system.toml is explained."""
    page = REFERENCE.read_text("utf-8").partition("## system.toml")[2].partition("## ")[0]
    assert [] == [key for key in table.model_fields if f"`{key}`" not in page]


def test_readme_opens_with_two_commands() -> None:
    """The first two blocks of the README are commands, each complete in one line."""
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    for command, end in zip(blocks, ("pytest labs/lab3\n", "pytest -n 2\n"), strict=False):
        assert 1 == command.count("\n")
        assert command.startswith("python3 -m venv .venv && ")
        assert command.endswith(f".venv/bin/{end}")


def test_readme_shows_what_a_run_prints() -> None:
    """The screen in the README is what the kit prints for such a run."""
    lab = manifest.read(ROOT / "labs" / "lab3", ROOT)
    shown = text.render(published(half_done(lab)), width=90, colour=False)
    block = re.search(r"```text\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert block is not None
    assert 11 == len(block[1].splitlines())
    assert shown.splitlines()[:11] == block[1].splitlines()


def half_done(lab: Lab) -> Report:
    """A1 passed, A2 failed, the rest untouched."""
    message = Message(
        checked="16 writers append at the same version at the same moment",
        expected="1 winner",
        got="4 winners",
        perhaps="two writers read the version before either wrote",
        look_at="labs/lab3/event_store.py:41",
        promises=tuple(promise for promise in promises.read(lab) if promise.id == "A2.4"),
    )
    first, second, *others = lab.criteria
    results = (
        CriterionResult(first, Verdict.PASSED),
        CriterionResult(second, Verdict.FAILED, message=message),
        *(CriterionResult(criterion, Verdict.TODO) for criterion in others),
    )
    return Report(lab, "0", Status.COMPLETE, datetime.now(UTC), 1.0, "direct", results)


@pytest.mark.parametrize("lab", manifest.find(ROOT), ids=lambda lab: lab.id)
def test_labs_are_whole(lab: Lab) -> None:
    """Every criterion has tests, hints and a planted bug; every README shows the criteria of its lab."""
    if RECORD:
        linter.write_table(lab)
    assert [] == linter.problems(lab, ROOT)


def test_linter_sees_what_is_missing(tmp_path: Path) -> None:
    """The author's linter names a criterion without a test, a missing stub and a missing planted bug."""
    lab = manifest.find(ROOT)[0]
    empty = dataclasses.replace(lab, folder=tmp_path, answers=("event_store.py",))
    found = linter.problems(empty, tmp_path)
    assert f"{lab.id}: no test checks A1" in found
    assert f"{lab.id}: there is no stub for event_store.py" in found
    assert f"{lab.id}: no mutant is there for A1 to catch" in found
    assert f"{lab.id}: README.md has no place for the table of criteria (<!-- criteria -->)" in found
