"""Templates of labels and annotations; the same are held to promtool's in tests/monitoring."""

from __future__ import annotations

import pytest

from pytest_labkit.monitoring import templates
from tests.monitoring.templates import EXPANDED, FAILING, REFUSED, expanded


@pytest.mark.parametrize(("text", "expected"), EXPANDED.items())
def test_a_template_is_filled_in_as_prometheus_does(text: str, expected: str) -> None:
    """With labels, values, functions, and the language's own branches, loops and variables."""
    assert expected == expanded(text)


@pytest.mark.parametrize(("text", "said"), FAILING.items())
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
        '{{ printf "%999999999d" 1 }}',
        '{{ printf "%*d" 1 1 }}',
        '{{ printf "%b" 1 }}',
        "{{ range 1000000000 }}{{ end }}",
        '{{ $x := "ab" }}' + "{{ $x = print $x $x }}" * 40,
        "{{ query `up` }}",
        "{{ . }}",
        '{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" . }}',
    ],
)
def test_what_the_kit_does_not_know_is_no_verdict(text: str) -> None:
    """It is right to Prometheus, and named."""
    with pytest.raises(templates.UnsupportedTemplate, match="The kit cannot expand a template with"):
        expanded(text)
