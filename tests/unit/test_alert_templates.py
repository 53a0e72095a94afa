"""Templates of labels and annotations; the same are held to promtool's in tests/monitoring."""

from __future__ import annotations

import pytest

from pytest_labkit.monitoring import templates
from pytest_labkit.monitoring.templates.functions import Sample
from tests.monitoring.templates import EXPANDED, LABELS, REFUSED, VALUE


def expanded(text: str) -> str:
    """*text* filled in for a sample with `LABELS` and `VALUE`, where one series is up."""

    def query(expr: str) -> list[Sample]:
        return [Sample({"__name__": "up", "job": "u"}, 1.0)] if expr == "up" else []

    return templates.expand(text, {"__name__": "x", **LABELS}, VALUE, 0.0, query)


@pytest.mark.parametrize(("text", "expected"), EXPANDED.items())
def test_a_template_is_filled_in_as_prometheus_does(text: str, expected: str) -> None:
    """With labels, values, functions, and the language's own branches, loops and variables."""
    assert expected == expanded(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ gt $value 1 }}", "incompatible types for comparison"),
        ("{{ toUpper $value }}", "wrong type for value; expected string; got float64"),
        ("{{ .Foo }}", "can't evaluate field Foo"),
        ("{{ $labels.job.x }}", "can't evaluate field x in type string"),
        ('{{ first (query "nothing") }}', r"first\(\) called on vector with no elements"),
        ('{{ humanize "x" }}', 'parsing "x": invalid syntax'),
        ('{{ template "nope" }}', 'template "nope" not defined'),
        ("{{ len $value }}", "len of type float64"),
    ],
)
def test_what_prometheus_cannot_expand_shows_why(text: str, said: str) -> None:
    """In place of the text, as Prometheus shows it."""
    with pytest.raises(AssertionError, match=f"error expanding template: .*{said}"):
        assert "" == expanded(text)


@pytest.mark.parametrize(("text", "said"), REFUSED.items())
def test_what_prometheus_does_not_load_is_refused(text: str, said: str) -> None:
    """When the file is read."""
    with pytest.raises(ValueError, match=said):
        templates.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ externalURL }}",
        '{{ js "x" }}',
        "{{ $value | toTime }}",
        '{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" . }}',
    ],
)
def test_what_the_kit_does_not_know_is_no_verdict(text: str) -> None:
    """It is right to Prometheus, and named."""
    with pytest.raises(templates.UnsupportedTemplate, match="The kit cannot expand a template with"):
        expanded(text)
