# SPDX-License-Identifier: Apache-2.0
"""Chains are queries that the parser accepts; values in them stay what they were; the registry and chains agree."""

import typing
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsonde.client import G, P, Query, UserError
from netsonde.client import query as chains
from netsonde.client.literals import quoted, written
from netsonde.query import parse
from netsonde.query.parser import read
from netsonde.query.predicates import PREDICATES
from netsonde.query.steps._registry import STEPS
from netsonde.query.syntax import Literal
from unit.query.generator import Pick, seeded

ONE_OF_EACH: dict[str, Query[Any]] = {
    "graph": G,
    "nodes": G.V(),
    "edges": G.E(),
    "paths": G.V().shortest_path_to({"Type": "host"}),
    "values": G.V().values("Name"),
    "value": G.V().count(),
    "flows": G.flows(),
    "metrics": G.V().metrics(),
    "packets": G.flows().raw_packets(),
}
OFFERED = [
    (spec, kind)
    for spec in {spec.name: spec for spec in STEPS.values()}.values()
    for kind in spec.gives
    if str(kind) in ONE_OF_EACH
]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (G.V().has("Type", "veth", "MTU", P.gt(1500)), "G.V().Has('Type', 'veth', 'MTU', Gt(1500))"),
        (G.V().has(Type="netns").out(State="DOWN").count(), "G.V().Has('Type', 'netns').Out('State', 'DOWN').Count()"),
        (G.V("n1").both_e().child_v().dedup("Type"), "G.V('n1').BothE().ChildV().Dedup('Type')"),
        (G.V().sort("MTU", descending=True).limit(3), "G.V().Sort(DESC, 'MTU').Limit(3)"),
        (G.V().descendants("RelationType", "layer2", depth=0), "G.V().Descendants('RelationType', 'layer2', 0)"),
        (
            G.V().shortest_path_to({"Type": "host"}, {"RelationType": "ownership"}),
            "G.V().ShortestPathTo(Metadata('Type', 'host'), Metadata('RelationType', 'ownership'))",
        ),
        (G.at(timedelta(minutes=-5)).V(), "G.At('-300s').V()"),
        (
            G.at(datetime(2026, 3, 1, tzinfo=UTC), timedelta(milliseconds=1)),
            "G.At('2026-03-01T00:00:00+00:00', '1000us')",
        ),
        (G.V().has("A", True, "B", None, "C", -1.5), "G.V().Has('A', TRUE, 'B', NULL, 'C', -1.5)"),
        (G.V().as_("a").out().select("a"), "G.V().As('a').Out().Select('a')"),
        (G.flows(Application="DNS").hops().sub_graph(), "G.Flows('Application', 'DNS').Hops().SubGraph()"),
        (G.V().has("IPV4", P.ip_range("10.0.0.0/8")), "G.V().Has('IPV4', IpRange('10.0.0.0/8'))"),
    ],
    ids=str,
)
def test_a_chain_is_its_text(query: Query[Any], text: str) -> None:
    assert str(query) == text
    assert parse(text).kind == query.kind


def test_names_of_the_language_work_too() -> None:
    nodes: Any = G.V()
    assert str(nodes.HasKey("Name").Neighbours(2).valuemap("Name")) == (
        "G.V().HasKey('Name').Neighbors(2).ValueMap('Name')"
    )


def test_a_chain_does_not_change_when_another_step_is_added() -> None:
    nodes = G.V()
    nodes.has_key("Name")
    assert str(nodes) == "G.V()"


def test_a_wrong_argument_is_refused_where_it_is_given() -> None:
    with pytest.raises(UserError, match="the last key has no value"):
        G.V().has("a", "b", "c")
    with pytest.raises(UserError, match="the regular expression cannot be used"):
        G.V().has("Name", P.regex("("))
    with pytest.raises(UserError, match="says no zone"):
        G.at(datetime(2026, 3, 1))  # noqa: DTZ001  that is the mistake
    with pytest.raises(UserError, match="cannot be written in a query"):
        G.V().has("Name", object())  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(UserError, match="half a character"):
        G.V().has("Name", "\ud800")
    with pytest.raises(UserError, match="no number"):
        G.V().has("MTU", float("nan"))


def test_what_is_no_step_is_no_method() -> None:
    with pytest.raises(AttributeError, match="no step named 'hsa'"):
        G.V().hsa("Name")  # type: ignore[attr-defined]  # that is the mistake
    with pytest.raises(AttributeError, match="no test named 'gtt'"):
        P.gtt(5)  # type: ignore[attr-defined]  # that is the mistake
    assert not hasattr(G, "__iter__")


def test_a_step_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match="Out works on nodes"):
        G.V().values("Name").out()  # type: ignore[attr-defined]  # that is the mistake


def test_long_values_are_bound_and_short_ones_written() -> None:
    names = [f"tap{number}" for number in range(500)]
    query = G.V().has("Name", P.within(*names), "Note", "x" * 5000)
    assert str(query) == "G.V().Has('Name', Within($v1), 'Note', $v2)"
    assert query.bindings == {"v1": names, "v2": "x" * 5000}
    assert str(query.has("Name", P.within("a", "b"))).endswith(".Has('Name', Within('a', 'b'))")


@pytest.mark.parametrize(("spec", "kind"), OFFERED, ids=lambda part: getattr(part, "name", str(part)))
def test_every_step_is_offered_by_every_kind_that_it_works_on(spec: Any, kind: Any) -> None:
    chain = ONE_OF_EACH[str(kind)]
    assert callable(getattr(chain, spec.name))
    method = typed_methods(type(chain)).get(spec.name.lower())
    if method is not None and spec.name != "Select":
        assert declared(method, type(chain)) is chains._CLASSES[str(spec.gives[kind])]


def test_a_chain_class_has_no_method_that_is_no_step_of_its_kind() -> None:
    for kind, chain in ONE_OF_EACH.items():
        for name in typed_methods(type(chain)):
            assert name in STEPS, f"{kind}.{name}"
            assert kind in STEPS[name].gives, f"{kind}.{name}"


def test_every_test_of_values_is_offered() -> None:
    for name in PREDICATES:
        assert callable(getattr(P, name)), name


def typed_methods(kind: type) -> dict[str, Callable[..., Any]]:
    """Return the methods that are spelt out, under their names in the registry."""
    own = {"step", "decode"}
    found = {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_") and name not in own}
    return {name.replace("_", "").lower(): method for name, method in found.items() if callable(method)}


def declared(method: Callable[..., Any], kind: type) -> type:
    returned = typing.get_type_hints(method, vars(chains))["return"]
    return kind if returned is typing.Self else typing.get_origin(returned) or returned


HOSTILE = [
    "it's",
    'a"b',
    "\\",
    "\\'",
    "a\\u0041",
    "\\\\n",
    "a\nb\r\t",
    "$n",
    "') .V(",
    "//",
    "#",
    "/*",
    "\x00",
    "\u2028",
    "😀",
    "",
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(HOSTILE)
SCALARS = (
    TEXTS
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([True, False, None])
)
NUMBERS = [0, -1, 1500, 2**53, -(2**63), 2**64 - 1, 0.5, -1e300, 5e-324]
SOME_SCALARS = [*HOSTILE, *NUMBERS, True, False, None]
KEYS = ["Name", "ExtID.vm-id", "@ID", "['a.b/c']", "MTU", "Neutron.IPV4"]


def a_test(pick: Pick) -> Any:
    one, two = pick(NUMBERS), pick(NUMBERS)
    name = pick(
        ["", "lt", "gte", "inside", "outside", "between", "ne", "nee", "within", "without", "regex", "ip_range"]
    )
    some = [pick(SOME_SCALARS) for _ in range(pick([0, 1, 3, 150]))]
    values: dict[str, tuple[Any, ...]] = {
        **dict.fromkeys(["lt", "gte"], (one,)),
        **dict.fromkeys(["inside", "outside", "between"], (one, two)),
        **dict.fromkeys(["ne", "nee"], (pick(SOME_SCALARS),)),
        **dict.fromkeys(["within", "without"], tuple(some)),
        "regex": ("tap.*|(a|b)\\d+",),
        "ip_range": ("10.0.0.0/24",),
    }
    return getattr(P, name)(*values[name]) if name else pick(SOME_SCALARS)


def random_chain(pick: Pick) -> Query[Any]:
    chain: Query[Any] = pick([G, G, G.at(pick(range(1000))), G.at(timedelta(hours=-1), 300)])
    for _ in range(pick(range(1, 7))):
        # Whether these two may stand here depends on more than the kind.
        names = sorted(typed_methods(type(chain)).keys() - {"select", "at"})
        if not names:
            return chain
        name = pick(names)
        chain = typed_methods(type(chain))[name](chain, *arguments_for(name, chain, pick))
    return chain


def arguments_for(name: str, chain: Query[Any], pick: Pick) -> tuple[Any, ...]:
    pairs = (pick(KEYS), a_test(pick))
    arguments: dict[str, tuple[Any, ...]] = {
        "has": pairs,
        "haseither": (*pairs, pick(KEYS), a_test(pick)),
        "limit": (pick(range(100)),),
        "range": (pick(range(100)), pick([0, 2**53])),
        "as": ("a",),
        **dict.fromkeys(["haskey", "hasnot", "values", "valuemap"], (pick(KEYS),)),
        "sum": () if chain.kind in ("values", "metrics") else (pick(KEYS),),
        "dedup": () if chain.kind == "paths" else pick([(), ("Name",), ("Name", "MTU")]),
        "sort": pick([(), ("Name",)]),
        "v": pick([(), ("n1",)]),
        "shortestpathto": ({pick(KEYS): a_test(pick)},),
        **dict.fromkeys(["metrics", "g", "count", "keys", "rawpackets", "e"], ()),
    }
    otherwise: tuple[Any, ...] = pick([(), pairs])
    return arguments.get(name, otherwise)


def test_every_chain_is_accepted_by_the_parser_and_gives_what_it_says() -> None:
    for seed in range(150):
        chain = random_chain(seeded(seed))
        plan = parse(chain.text, chain.bindings)
        assert (str(plan.kind), type(chain)) == (chain.kind, chains._CLASSES[chain.kind]), f"seed {seed}: {chain}"


@settings(deadline=None, max_examples=300)
@given(TEXTS, SCALARS)
def test_values_arrive_as_they_were_given(key: str, value: Any) -> None:
    text = f"G.V().Has({quoted(key)}, {written(value, {})})"
    first, second = read(text).steps[-1].arguments
    assert isinstance(first, Literal)
    assert first.value == key
    constants = {"TRUE": True, "FALSE": False, "NULL": None}
    found = second.value if isinstance(second, Literal) else constants[second.name]
    assert (found, type(found)) == (value, type(value))
