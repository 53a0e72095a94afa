"""Which project and which lab a command is about."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_labkit.domain.errors import UsageProblem

if TYPE_CHECKING:
    from pytest_labkit.domain.model import Lab


def project_root() -> Path:
    """The nearest folder upwards that holds labs, else one that holds a project, else the current one."""
    here = Path.cwd()
    for sign in ("labs/*/lab.toml", "pyproject.toml", "pytest.ini"):
        for folder in (here, *here.parents):
            if any(folder.glob(sign)):
                return folder
    return here


def lab_called(root: Path, name: str) -> Lab:
    """The lab called *name* (`lab3`, or its folder `labs/lab3`) of the project at *root*."""
    from pytest_labkit.course import manifest

    folder = root / "labs" / Path(name).name
    if (folder / manifest.FILE).is_file():
        return manifest.read(folder, root)
    known = [lab.parent.name for lab in sorted(root.glob(f"labs/*/{manifest.FILE}"))]
    labs = (
        f"The labs are {', '.join(known)}."
        if known
        else f"There are no labs below {root}: go to your course."
    )
    raise UsageProblem(f"There is no lab {name!r}.{meant(name, known)}", labs)


def meant(name: str, known: Iterable[str]) -> str:
    """Which of *known* was meant by *name*, in a sentence, if one is near."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]}?" if close else ""
