"""Templates, and what Prometheus makes of them."""

from __future__ import annotations

from hypothesis import strategies as st

from pytest_labkit.monitoring import templates
from pytest_labkit.monitoring.templates.functions import Sample

LABELS = {"breaker": "payment", "job": "a-b", "instance": "h.example.com:80"}
VALUE = 0.857142857142
EXPANDED = {
    '{{ printf "%s" $labels.breaker }} fails': "payment fails",
    "a {{- $labels.breaker -}} b": "apaymentb",
    '{{ .Labels.breaker }} {{ index $labels "breaker" }}': "payment payment",
    "{{ $value }} {{ $value | humanizePercentage }}": "0.857142857142 85.71%",
    '{{ if eq $labels.breaker "x" "payment" }}y{{ else }}n{{ end }}': "y",
    "{{ range $k, $v := .Labels }}{{$k}}={{$v}},{{ end }}": "__name__=x,breaker=payment,instance=h.example.com:80,job=a-b,",  # noqa: E501
    "{{ with $x := $labels.nope }}{{$x}}{{ else }}none{{end}}": "none",
    '{{ printf "%.2f %d %s %5s|%-5s| %q %v %5.1f %e %g %t %T %%" $value $value $value "a" "b" "c" $value $value $value $value true $value }}': '0.86 %!d(float64=0.857142857142) %!s(float64=0.857142857142)     a|b    | "c" 0.857142857142   0.9 8.571429e-01 0.857142857142 true float64 %',  # noqa: E501
    '{{ printf "%d" }} {{ printf "a" 1 2 }} {{ printf "%06.2f|%+.1f|%x|%X|%o" $value $value 255 255 8 }}': "%!d(MISSING) a%!(EXTRA int=1, int=2) 000.86|+0.9|ff|FF|10",  # noqa: E501
    '{{ reReplaceAll "(.*)\\\\..*:(.*)" "$1-${2}" $labels.instance }}': "h.example-80",
    '{{/* c */}}a{{define "t"}}[{{.}}]{{end}}{{template "t" $labels.job}}': "a[a-b]",
    "{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}": "2",
    "{{ gt $value 0.5 }} {{ and (gt $value 0.5) (lt $value 1.0) }} {{ not true }}": "true true false",
    "{{ 123456789.0 }} {{ 1e30 }} {{ 0.000001 }} {{ 1e20 }} {{ 1e21 }} {{ 1234567.5 }}": "1.23456789e+08 1e+30 1e-06 1e+20 1e+21 1.2345675e+06",  # noqa: E501
    "{{ 5 | humanizeDuration }} {{ 95000 | humanizeDuration }} {{ 0.0012 | humanizeDuration }} {{ 0.0 | humanizeDuration }} {{ 65.5 | humanizeDuration }} {{ 7.123456 | humanizeDuration }}": "5s 1d 2h 23m 20s 1.2ms 0s 1m 5s 7.123s",  # noqa: E501
    '{{ 1234567 | humanize }} {{ 1e-5|humanize}} {{ 999999.0 | humanize }} {{ "12" | humanize }} {{ 0 | humanize }}': "1.235M 10u 1000k 12 0",  # noqa: E501
    "{{ 3.5e9 | humanize1024 }} {{ 1000000 | humanize1024 }} {{ 0.5 | humanize1024 }}": "3.26Gi 976.6ki 0.5",
    "{{ 1600000000.5 | humanizeTimestamp }} {{ 1600000000 | humanizeTimestamp }}": "2020-09-13 12:26:40.5 +0000 UTC 2020-09-13 12:26:40 +0000 UTC",  # noqa: E501
    '{{ and true $labels.job }} {{ or "" "z" }} {{ len "abc" }} {{ slice "abc" 1 }} {{ title "hello world" }}': "a-b z 3 bc Hello World",  # noqa: E501
    "{{ $labels }}": "map[__name__:x breaker:payment instance:h.example.com:80 job:a-b]",
    '{{ stripPort $labels.instance }} {{ stripDomain $labels.instance }} {{ $labels.instance | match ".*exa" }}': "h.example.com h:80 true",  # noqa: E501
    '{{ "quoted \\" \\u00e9" }} {{ `raw` }} {{ \'a\' }} {{ 0x1F }} {{ true }}': 'quoted " é raw 97 31 true',
    '{{ println "a" 1 }}{{ print "a" "b" 1 2 true }} {{ html "<a>" }} {{ urlquery "a b&c" }}': "a 1\nab1 2 true &lt;a&gt; a+b%26c",  # noqa: E501
    "{{ if $labels.nope }}x{{ else if $labels.job }}y{{ else }}z{{ end }}": "y",
    '{{ range $i, $e := query "up" }}{{ $i }}{{ .Labels.job }}={{ .Value }}{{ end }} {{ query "up" | first | value }} {{ with query "nothing" }}{{ . | first | value }}{{ else }}no{{ end }}': "0u=1 1 no",  # noqa: E501
    '{{ $value | printf "%.1f" | toUpper }} {{ ($labels.job) }} {{ (printf "%s" "x") }}': "0.9 a-b x",
    '{{ parseDuration "1h5m" }} {{ $externalURL }}|{{ $externalLabels }}|{{ $externalLabels.x }}|{{ args 1 "b" }}': "3900 |map[]||map[arg0:1 arg1:b]",  # noqa: E501
    '{{ $labels.job | len }} {{ printf "%v" $labels }} {{ printf "%s" nil }}': "3 map[__name__:x breaker:payment instance:h.example.com:80 job:a-b] %!s(<nil>)",  # noqa: E501
    '{{ range $v := $labels }}{{ if eq $v "a-b" }}{{ continue }}{{ end }}{{ $v }};{{ break }}{{ end }}': "x;",
    '{{ label "job" (query "up" | first) }} {{ (query "up" | first).Labels.job }} {{ (index (query "up") 0).Value }}': "u u 1",  # noqa: E501
    '{{ tableLink "up" }}': "/graph?g0.expr=up&g0.tab=1",
}
REFUSED = {
    "{{ $labels.x": "unclosed action",
    "{{ $value | humanise }}": 'function "humanise" not defined',
    "{{ $nope }}": 'undefined variable "\\$nope"',
    "{{ end }}": "unexpected {{end}}",
    "{{ else }}": "unexpected {{else}}",
    "{{ if $value }}": "unexpected EOF",
    "{{ }}": "missing value for command",
    "{{ break }}": "outside {{range}}",
    '{{ "a" | 1 }}': "non executable command in pipeline stage 2",
    '{{ "a }}': "unterminated quoted string",
    "{{ ( 1 }}": "unclosed left paren",
    "{{ $labels.job ! }}": "unexpected '!'",
    '{{ "a"."b" }}': "unexpected",
    "{{ if }}x{{ end }}": "missing value for if",
    "{{ define x }}{{ end }}": "in define clause",
}
FAILING = {
    "{{ gt $value 1 }}": "incompatible types for comparison",
    "{{ toUpper $value }}": "wrong type for value; expected string; got float64",
    "{{ .Foo }}": "can't evaluate field Foo",
    "{{ $labels.job.x }}": "can't evaluate field x in type string",
    '{{ first (query "nothing") }}': r"first\(\) called on vector with no elements",
    '{{ humanize "x" }}': 'parsing "x": invalid syntax',
    '{{ template "nope" }}': 'template "nope" not defined',
    "{{ len $value }}": "len of type float64",
}


def expanded(text: str, value: float = VALUE) -> str:
    """What the kit makes of *text* for a sample of `x` with `LABELS` and *value*, where one series is up."""

    def query(expr: str) -> list[Sample]:
        return [Sample({"__name__": "up", "job": "u"}, 1.0)] if expr == "up" else []

    return templates.expand(text, {"__name__": "x", **LABELS}, value, 0.0, query)


_TEXTS = ["$labels.job", ".Labels.breaker", "$labels.nope", '"a b"', "`x`", '(index $labels "job")', '""']
_NUMBERS = ["$value", ".Value", "(len $labels.job)", "0", "1", "3", "0.5", "2.0", "-7", "1e6", "0x1F", "'a'"]
_VERBS = [
    "%v",
    "%s",
    "%d",
    "%q",
    "%t",
    "%T",
    "%x",
    "%X",
    "%o",
    "%b",
    "%c",
    "%U",
    "%f",
    "%e",
    "%g",
    "%G",
    "%p",
]
_VERBS += ["%.2f", "%5.1f", "%08.3f", "%+.1f", "%.3g", "%.0f", "%6d", "%-6d|", "%06d", "%+d", "% d", "%10s"]
_VERBS += ["%-8s|", "%.2s", "%5v", "%-5v|", "%#v", "%+v", "%#x", "%%", "%5t", "%.3v", "%*d", "%z", "%5q", "%"]
_texts, _numbers = st.sampled_from(_TEXTS), st.sampled_from(_NUMBERS)
_any = (
    _texts
    | _numbers
    | st.sampled_from(["true", "$labels", "nil", "(query `up`)", "(query `up` | first | value)"])
)
_printed = st.builds(
    lambda verbs, values: f'(printf "{" ".join(verbs)}" {" ".join(values)})',
    st.lists(st.sampled_from(_VERBS), min_size=1, max_size=2),
    st.lists(_any, max_size=2),
)
_HUMANE = ["humanize", "humanize1024", "humanizeDuration", "humanizePercentage", "humanizeTimestamp"]
_CASED = [
    "toUpper",
    "toLower",
    "title",
    "stripPort",
    "stripDomain",
    "html",
    "urlquery",
    "len",
    "print",
    "println",
]
_values = (
    _any
    | _printed
    | st.builds("({} {})".format, st.sampled_from(_HUMANE), _numbers | _texts)
    | st.builds("({} {})".format, st.sampled_from(_CASED), _texts | _printed)
    | st.builds("({} {} {})".format, st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]), _any, _any)
    | st.builds("({} {} {})".format, st.sampled_from(["and", "or", "print", "index", "slice"]), _any, _any)
    | st.builds("(not {})".format, _any)
    | st.builds("(match {} {})".format, st.sampled_from(['"a.*"', "`^$`"]), _texts)
    | st.builds('(reReplaceAll "(.)-(.)" "$2${{1}}$3" {})'.format, _texts)
)
_piped = st.builds("{} | {}".format, _values, st.sampled_from([*_HUMANE, *_CASED, 'printf "<%v>"']))
_shown = st.builds(
    "{{{{{}{}{}}}}}".format, st.sampled_from(["", "- "]), _values | _piped, st.sampled_from(["", " -"])
)
_plain = st.sampled_from(["", " ", "a", " is \n", "100% "])


def _deeper(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return (
        st.builds("{}{}{}".format, inside, _plain, inside)
        | st.builds("{{{{if {}}}}}{}{{{{else}}}}{}{{{{end}}}}".format, _values, inside, inside)
        | st.builds("{{{{with $x := {}}}}}{{{{$x}}}}{}{{{{end}}}}".format, _values, inside)
        | st.builds("{{{{range $k, $v := $labels}}}}{{{{$k}}}}{}{{{{end}}}}".format, inside)
    )


bodies = st.recursive(st.builds("{}{}".format, _plain, _shown), _deeper, max_leaves=3)
"""Generated templates that Prometheus can read."""
