"""`python -m pytest_labkit.cli`: the command `labkit`, where its script is not on the PATH."""

from pytest_labkit.cli.labkit import main

main()
