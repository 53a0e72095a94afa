"""Generated PromQL: expressions of all that the kit knows, over a few series of few labels."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES, LABELS = ("a", "b"), ("job", "zone")
SERIES = [f'{name}{{job="{job}",zone="{zone}"}}' for name in NAMES for job in "xy" for zone in "12"]
_MATCHERS = [
    'job="x"',
    'job!="x"',
    'job=~"x|y"',
    "zone!~`[[:digit:]]`",
    r'zone=~"\\d"',
    'other=""',
    'job=~"^x$"',
]
_RANGES = ["35s", "50s", "1m5s", "2m5s"]
_OVER = [
    "rate",
    "increase",
    "irate",
    "delta",
    "idelta",
    "changes",
    "resets",
    "avg_over_time",
    "min_over_time",
]
_OVER += ["max_over_time", "sum_over_time", "count_over_time", "last_over_time", "present_over_time"]
_OF_EACH = ["abs", "ceil", "floor", "round", "sgn", "sort", "sort_desc", "-"]
_AGGREGATIONS = ["sum", "avg", "min", "max", "count", "group"]
_COMPARISONS = ["==", "!=", ">", "<", ">=", "<="]
_ARITHMETIC = ["+", "-", "*", "/", "%", "^"]

numbers = st.sampled_from(["0", "1", "2", "-3", "0.5", "NaN", "Inf", "-Inf"])
_listed = st.lists(st.sampled_from(LABELS), unique=True, max_size=2).map(", ".join)
_names = st.sampled_from([*NAMES, ""])


@st.composite
def _selectors(draw: st.DrawFn) -> str:
    name = draw(_names)
    matchers = draw(st.lists(st.sampled_from(_MATCHERS), unique=True, max_size=2))
    return f"{name}{{{', '.join(matchers if name else ['job=~`.+`', *matchers])}}}"


_offsets = st.sampled_from(["", "", "", " offset 20s"])
_instant = st.builds("{}{}".format, _selectors(), _offsets)
_over = st.builds(
    "{}({}[{}]{})".format, st.sampled_from(_OVER), _selectors(), st.sampled_from(_RANGES), _offsets
)
_absent = st.builds("absent({})".format, _selectors())


@st.composite
def _between(draw: st.DrawFn, vectors: st.SearchStrategy[str]) -> str:
    """A binary operator between two vectors, matched in one of the ways there are."""
    left, right = draw(vectors), draw(vectors)
    match = draw(st.sampled_from(["", " on ({})", " ignoring ({})"])).format(draw(_listed))
    if draw(st.booleans()):
        return f"({left}) {draw(st.sampled_from(['and', 'or', 'unless']))}{match} ({right})"
    operator = draw(st.sampled_from(_ARITHMETIC + _COMPARISONS))
    as_bool = " bool" if operator in _COMPARISONS and draw(st.booleans()) else ""
    group = (
        f" {draw(st.sampled_from(['group_left', 'group_right']))} ()" if match and draw(st.booleans()) else ""
    )
    return f"({left}) {operator}{as_bool}{match}{group} ({right})"


@st.composite
def _with_number(draw: st.DrawFn, vectors: st.SearchStrategy[str]) -> str:
    operator = draw(st.sampled_from([*_ARITHMETIC, *_COMPARISONS, *(f"{c} bool" for c in _COMPARISONS)]))
    sides = [f"({draw(vectors)})", draw(numbers | st.builds("scalar({})".format, vectors))]
    return f" {operator} ".join(sides if draw(st.booleans()) else sides[::-1])


def _deeper(vectors: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    grouping = st.builds(" {} ({}) ".format, st.sampled_from(["by", "without"]), _listed) | st.just("")
    return (
        st.builds("{}({})".format, st.sampled_from(_OF_EACH), vectors)
        | st.builds("{}{}({})".format, st.sampled_from(_AGGREGATIONS), grouping, vectors)
        | st.builds(
            "{}({}, {})".format, st.sampled_from(["clamp_min", "clamp_max", "round"]), vectors, numbers
        )
        | st.builds("clamp({}, {}, {})".format, vectors, numbers, numbers)
        | _with_number(vectors)
        | _between(vectors)
    )


vectors = st.recursive(_instant | _over | _absent, _deeper, max_leaves=4)
