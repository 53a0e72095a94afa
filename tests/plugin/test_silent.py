"""A project without labs does not notice the plugin."""

from __future__ import annotations

import pytest


def test_nothing_is_loaded_or_said_without_a_lab(pytester: pytest.Pytester) -> None:
    """Without a lab.toml only the options and what tells a lab's folder are imported; nothing is printed."""
    pytester.makepyfile(
        """
        import sys
        import pytest
        def test_loaded():
            loaded = {name for name in sys.modules if name.startswith("pytest_labkit")}
            assert loaded == {"pytest_labkit", "pytest_labkit.domain", "pytest_labkit.domain.errors",
                              "pytest_labkit.domain.difference", "pytest_labkit.domain.expectation",
                              "pytest_labkit.domain.seeds",
                              "pytest_labkit.host", "pytest_labkit.host.places",
                              "pytest_labkit.host.settings", "pytest_labkit.plugin"}
            assert not {"boto3", "docker", "confluent_kafka", "redis", "pydantic"} & set(sys.modules)
        def test_fixtures_are_free(request):
            with pytest.raises(pytest.FixtureLookupError, match="dynamodb"):
                request.getfixturevalue("dynamodb")
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=2)
    assert "lab" not in result.stdout.str().replace(
        "test_nothing_is_loaded_or_said_without_a_lab", ""
    ).replace("labkit-0.1.0", "")
    assert not (pytester.path / ".labkit").exists()


def test_collecting_touches_nothing(pytester: pytest.Pytester) -> None:
    """Collecting a lab starts nothing and writes nothing."""
    folder = pytester.mkpydir("labs").joinpath("tiny")
    folder.mkdir()
    (folder / "lab.toml").write_text(
        'id = "tiny"\ntitle = "T"\nanswers = ["a.py"]\nservices = ["dynamodb"]\n'
        '[[parts]]\nid = "A"\ntitle = "P"\nminutes = 1\n'
        '[[criteria]]\nid = "A1"\npart = "A"\ntitle = "c"\npoints = 1\n'
    )
    (folder / "test_a.py").write_text(
        'import pytest\n@pytest.mark.criterion("A1")\ndef test_a(dynamodb): pass\n'
    )
    result = pytester.runpytest_subprocess("--collect-only", "-q")
    assert 0 == result.ret
    result.stdout.fnmatch_lines(["*test_a.py::test_a"])
    assert not (pytester.path / ".labkit").exists()
