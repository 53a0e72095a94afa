"""The project's own tests run pytest in pytest, so they need its `pytester`."""

pytest_plugins = ["pytester"]
