"""Rule files, and what Prometheus makes of them."""

from __future__ import annotations


def rule_file(**rule: str) -> str:
    """A file of one alert, which says what *rule* says instead or more; an empty text is a null."""
    fields = {"alert": "A", "expr": "up == 0", **rule}
    lines = "\n".join(f"    {key.rstrip('_')}: {value}" for key, value in fields.items())
    return f"groups:\n- name: g\n  rules:\n  -\n{lines}\n"


ACCEPTED = [
    (rule_file(for_="1w"), [("A", 604_800.0, {})]),
    (rule_file(for_="0"), [("A", 0.0, {})]),
    (rule_file(for_="", labels="", annotations="~", keep_firing_for=""), [("A", 0.0, {})]),
    (rule_file(labels="{severity: 2}"), [("A", 0.0, {"severity": "2"})]),
    (rule_file(labels="{paged: yes, on: 1.50}"), [("A", 0.0, {"paged": "yes", "on": "1.50"})]),
    (rule_file(labels="{since: 2024-01-01}"), [("A", 0.0, {"since": "2024-01-01"})]),
    (rule_file(labels="{team: ~}"), [("A", 0.0, {"team": ""})]),
    (rule_file(alert="007", expr="1"), [("007", 0.0, {})]),
    (rule_file(for_="&d 30s", keep_firing_for="*d"), [("A", 30.0, {})]),
    ("groups:\n- name: g\n  interval:\n  rules:\n", []),
    ("groups:\n", []),
    ("", []),
    ("groups: [~]", []),
    ("groups: [{name: g, rules: [~]}]", []),
    ("groups: [{name: g, limit: 1.5}]", []),
    ("groups: [{name: g, limit: 0x10}]", []),
    (rule_file(labels="{~: a, b: c}"), [("A", 0.0, {"b": "c"})]),
    (rule_file(alert="!!int 5"), [("5", 0.0, {})]),
    (rule_file(alert="!mine A"), [("A", 0.0, {})]),
    (rule_file(labels="{<<: {a: b}, c: d}"), [("A", 0.0, {"a": "b", "c": "d"})]),
    ("# nothing yet\n", []),
    (rule_file() + "---\nanother: document\n", [("A", 0.0, {})]),
    ("\ufeff" + rule_file(), [("A", 0.0, {})]),
    ("groups: [{name: g, interval: 0s, query_offset: 1m, limit: 3, labels: {a: b}, rules: []}]", []),
]
"""What is right, with the names, `for` and labels of its rules."""

REFUSED = [
    (rule_file(record="a:b"), "one of alert: and record: must be set"),
    (rule_file(alert='""'), "one of alert: and record: must be set"),
    (rule_file(expr='""'), "expr: must be set"),
    (rule_file(expr=""), "expr: must be set"),
    (rule_file(for_='""'), "is no duration"),
    (rule_file(for_="5"), "'5' is no duration"),
    (rule_file(for_="-1m"), "'-1m' is no duration"),
    (rule_file(for_="1m 30s"), "is no duration"),
    (rule_file(for_="400y"), "longer than 292 years"),
    (rule_file(labels="{my-label: x}"), "'my-label' is no name of a label"),
    (rule_file(labels="{__name__: x}"), "a label cannot be __name__"),
    (rule_file(labels="[a]"), "labels: .*dictionary"),
    (rule_file(labels="{a: [b]}"), "labels.a: .*string"),
    (rule_file(annotations="{my-note: x}"), "'my-note' is no name"),
    (rule_file(annotations='{summary: "{{ $value | humanise }}"}'), 'function "humanise" not defined'),
    (rule_file(annotations='{summary: "{{ $labels.x"}'), "unclosed action"),
    (rule_file(labels='{a: "{{ $x }}"}'), "undefined variable"),
    (rule_file(expr='up{job=~"("}'), "illegal regular expression"),
    (rule_file() + "    expr: up == 1\n", "the key 'expr' is there twice in line"),
    ("groups: [{name: g, name: h}]", "the key 'name' is there twice"),
    ("groups: [{name: g, interval: soon}]", "'soon' is no duration"),
    ("groups: [{name: g}, {name: g}]", "the group 'g' is there more than once"),
    ("groups: [{rules: []}]", "a group must have a name"),
    ("groups: [{name: g, limit: many}]", "limit: .*integer"),
    ("groups: [{name: g, limit: []}]", "limit: .*integer"),
    ("groups: [{name: g, limit: 99999999999999999999}]", "limit: .*less than"),
    ("groups: [{name: g, rule: ~}]", "rule: Extra inputs"),
    (rule_file(extra=""), "extra: Extra inputs"),
    (rule_file(for_="[]"), "for: .* duration such as 30s or 1m must stand here"),
    (rule_file(for_="{}"), "for: .* duration such as 30s or 1m must stand here"),
    ("rules: []", "rules: Extra inputs"),
    ("[]", "the file: .*valid dictionary"),
    ("groups: " + "[" * 2000 + "]" * 2000, "nested too deep"),
    ("groups: &a [*a]", "recursive"),
    ("groups: !!int x", "groups: .*valid list"),
    ("a: \x00", "special characters are not allowed"),
]
"""What is wrong, and what the kit says of it."""
