# SPDX-License-Identifier: Apache-2.0
"""Nothing that a user can send ends in anything but an answer or a UserError."""

import contextlib
import time
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netsonde.errors import UserError
from netsonde.query import Limits, compile_standing, parse, run
from netsonde.query.predicates import PREDICATE_SPECS
from netsonde.query.steps._registry import MODULATORS, STEPS
from unit.query.lab import lab_sources

SOURCES = lab_sources()
LIMITS = Limits(seconds=2.0, rows=5_000)

NAMES = sorted({spec.name for spec in STEPS.values()} | {spec.name for spec in MODULATORS.values()})
WORDS = sorted({*NAMES, "Foo", "Metadata", "NOW", "FOREVER", "ASC", "DESC"})
TESTS = [*sorted(spec.name for spec in PREDICATE_SPECS), "Metadata"]
LITERALS = [
    "'Name'", "'Type'", "'@ID'", "'@CreatedAt'", "'Parent'", "'Network'", "'TCP.B'", "'eth0'", "\"RelationType\"",
    "'ownership'", "'a.b.c'", "'[x]'", "'[\"a.b\"]'", "'..'", "''", "'Metadata.'", "'(a+)+b'", "'((a{100}){100}){100}'",
    "'fd00::/8'", "'0.0.0.0/0'", "'-1h'", "'9999999d'", "'2026-03-01'", "'0001-01-01T00:00:00+23:59'", "0", "1", "-1",
    "2.5", "1e308", "18446744073709551615", "99999999999999", "true", "NULL", "NOW", "DESC", "$n", "$list", "$none",
    "'\\ud800'", "'\\u0000'", "'\n'", "'\U0001f600'",
]  # fmt: skip
SIGNS = ["__.", "P.", "G", "V", "Has", ".", "(", ")", ",", "'", '"', "\\", "/*", "//", "#", "\r\n", "\0"]
BINDINGS: dict[str, Any] = {"n": "eth0", "list": ["a", 1, None], "null": None}

argument = st.recursive(
    st.sampled_from(LITERALS),
    lambda inner: st.builds(
        lambda name, some: f"{name}({', '.join(some)})", st.sampled_from(TESTS), st.lists(inner, max_size=3)
    ),
    max_leaves=4,
)
step = st.builds(
    lambda name, some: f"{name}({', '.join(some)})", st.sampled_from(WORDS), st.lists(argument, max_size=4)
)
inner_step = st.builds(
    lambda name, some: f"{name}({', '.join(some)})", st.sampled_from(NAMES), st.lists(argument, max_size=2)
)
traversal = st.recursive(
    st.lists(inner_step, min_size=1, max_size=3).map(lambda steps: ".".join(["__", *steps])),
    lambda inner: st.builds(
        lambda name, some: f"__.Both().{name}({', '.join(some)})",
        st.sampled_from(["Where", "Not", "Union", "Coalesce", "Choose", "Local", "Repeat", "Project"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=4,
)
branching = st.builds(
    lambda name, some, more: f"G.V().{name}({', '.join(some)}).{more}",
    st.sampled_from(["Where", "Not", "And", "Or", "Union", "Coalesce", "Optional", "Choose", "Local", "Emit().Repeat"]),
    st.lists(traversal, min_size=1, max_size=3),
    st.one_of(
        st.sampled_from(["Times(3)", "Path()", "Tree()", "Times(2).Path()"]),
        traversal.map(lambda inner: f"Group().By('Type').By({inner})"),
        traversal.map(lambda inner: f"Until({inner}).Times(3)"),
        traversal.map(lambda inner: f"Order().By({inner}, DESC)"),
    ),
)
nearly_valid = st.lists(step, max_size=6).map(lambda steps: ".".join(["G", *steps]))
pieces = st.lists(
    st.sampled_from([*WORDS, *LITERALS, *SIGNS]),
    max_size=40,
).map("".join)


async def _anything(text: str) -> None:
    with contextlib.suppress(UserError):
        compile_standing(parse(text, BINDINGS))
    refusal = None
    try:
        msgspec.json.encode((await run(parse(text, BINDINGS), SOURCES, LIMITS)).value)
    except UserError as e:
        refusal = e
    assert refusal is None or (refusal.message and refusal.explain())


@given(st.one_of(nearly_valid, branching, pieces, st.text(max_size=60)))
@settings(max_examples=400, deadline=None)
@example("G.V().Has('Name', Regex('(a+)+b'))")
@example("G.V().Has('Name', Regex('((a{100}){100}){100}'))")
@example("G.V().Has('Name', Ipv4Range('fd00::/8'))")
@example("G.Flows().Metrics().Sum('Start')")
@example("G.At('9999999d').V()")
@example("G.At(253402300799999, FOREVER).V()")
@example("G.V().Has('Name', '\ud800')")
@example("G.V()" + ".Path().By()" * 90)
@example("G.V()" + ".Project('a').By()" * 99 + ".Order().By('a')")
@example("G.V()" + ".Group().By('@ID')" * 99)
@example("G.V('h1').Repeat(__.Both()).Times(9).Tree()")
@example("G.V('h1').Repeat(__.Both().Limit(1)).Times(100).Repeat(__.Both().Limit(1)).Times(100).Tree()")
@example("G.V().As('a').Project('x').By(__.Select('a').Fold())")
@example("G.V()" + ".Group().By()" * 99)
async def test_any_text_gives_an_answer_or_a_user_error(text: str) -> None:
    await _anything(text)


@pytest.mark.parametrize(
    "text",
    [
        "G" * 60_000,
        "G." * 30_000,
        "G" + ".V()" * 15_000,
        "(" * 60_000,
        "G.V(" * 15_000,
        "G.V().Has('x', " + "Gt(" * 20_000,
        "'" * 60_000,
        "\\" * 60_000,
        "G.V('" + "\\'" * 30_000,
        "G.V(" + "1" * 60_000 + ")",
        "G.V(" + "1." * 30_000 + ")",
        "/*" * 30_000,
        "G.V() /*" + "*" * 50_000,
        "//" * 30_000,
        "G.V(" + "," * 60_000 + ")",
        "G.V()" + "\n" * 60_000,
        "G.V().HasKey('" + "a." * 30_000 + "')",
        "G.V().HasKey('" + "[" * 60_000 + "')",
        "G.V().Has('Name', Regex('" + "(" * 30_000 + "'))",
        "G.V().Has('Name', Regex('" + "a*" * 30_000 + "'))",
        "G.At('" + "9" * 60_000 + "s')",
        "G." + "x" * 60_000 + "()",
        "G.V().Has('a', " + "$" * 60_000,
        "G.V().Where(__" + ".Out()" * 10_000 + ")",
        "G.V().Where(" + "__.Where(" * 7_000,
        "G.V().Union(" + "Out()," * 10_000 + ")",
        "G.V().Has('a', " + "Not(" * 15_000,
        "G.V().Has('a', Gt(1)" + ".And(Gt(1))" * 5_000 + ")",
        "G.V().Order()" + ".By('a')" * 7_000,
    ],
    ids=lambda text: text[:24],
)
def test_hostile_texts_are_read_or_refused_within_a_blink(text: str) -> None:
    began = time.process_time()

    with contextlib.suppress(UserError):
        parse(text)

    assert time.process_time() - began < 0.5


async def test_a_query_that_explodes_is_stopped_by_the_limit_on_rows() -> None:
    with pytest.raises(UserError, match="more than 5,000 results"):
        await run(parse("G.V()" + ".Both()" * 30), SOURCES, LIMITS)


@pytest.mark.parametrize(
    "text",
    [
        "G.V().Repeat(__.Both()).Times(100)",
        "G.V().Emit().Repeat(__.Both().Both().SimplePath())",
        "G.V().Repeat(__.Both()).Times(20).Path()",
        "G.V().Aggregate('a').Repeat(__.Union(__.Select('a'), __.Both()).Aggregate('a')).Times(100)",
        "G.V().Project('x').By(__" + ".Union(__.Identity(), __.Identity())" * 16 + ".Fold())",
    ],
)
async def test_what_a_repetition_gathers_is_bounded(text: str) -> None:
    with pytest.raises(UserError, match=r"more than 5,000 results|took more than|went round"):
        await run(parse(text), SOURCES, LIMITS)


async def test_a_query_that_lasts_is_stopped_by_the_limit_on_time() -> None:
    with pytest.raises(UserError, match=r"more than 0\.05 s"):
        await run(parse("G.V()" + ".Both()" * 30), SOURCES, Limits(seconds=0.05, rows=2**60))
