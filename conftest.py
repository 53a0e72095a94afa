"""What pytest reads first here. The project's own tests run pytest in pytest, so they need its `pytester`."""

import sys
from importlib.metadata import PackageNotFoundError, distribution

pytest_plugins = ["pytester"]

try:
    distribution("pytest-labkit")
except PackageNotFoundError:  # the pytest of another environment: said here, before labs/ is imported in vain
    print(
        f"pytest-labkit is not installed for {sys.executable}.\n"
        "Activate the environment that has it (. .venv/bin/activate), or run .venv/bin/pytest.",
        file=sys.stderr,
    )
    raise SystemExit(4) from None
