# SPDX-License-Identifier: Apache-2.0
"""Completion at a mark `|` in a text: what is offered, what it replaces, and that nothing makes it fail or slow."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsonde.model.elements import Edge, Json, Node
from netsonde.model.keys import Key
from netsonde.query import parse
from netsonde.query.completion import MOST_ITEMS, Completion, Vocabulary, complete
from netsonde.query.cursor import LONGEST
from netsonde.query.graph_words import GraphWords
from netsonde.schema import FLOW_FIELDS, KEYS, METRIC_FIELDS, schema
from unit.query.lab import lab_elements, live_graph

PREDICATES = {one.name: one.doc for one in schema().predicates}
HAND = (Key("Rare.Key", "integer", "a key that nothing has yet", 1), *KEYS)


def words(graph: object = None) -> Vocabulary:
    live = GraphWords(graph or live_graph(*lab_elements()))  # type: ignore[arg-type]
    return Vocabulary(live, HAND, FLOW_FIELDS, METRIC_FIELDS, PREDICATES)


LAB = words()


def at_mark(marked: str, vocabulary: Vocabulary = LAB) -> tuple[str, Completion]:
    """Complete where the mark stands; return the text without it, too."""
    text = marked.replace("|", "", 1)
    return text, complete(text, marked.index("|"), vocabulary)


def offers(marked: str) -> list[str]:
    return [item.text for item in at_mark(marked)[1].items]


def taken(marked: str, wanted: str) -> str:
    """Return the text after an offer has been taken."""
    text, found = at_mark(marked)
    assert wanted in [item.text for item in found.items]
    return text[: found.start] + wanted + text[found.end :]


def test_a_query_starts_with_the_graph() -> None:
    assert offers("|")[0] == "G.V()"
    assert taken("g|", "G.Flows()") == "G.Flows()"


@pytest.mark.parametrize(
    ("marked", "offered", "refused"),
    [
        ("G.|", "V()", "Out("),
        ("G.V().|", "Has(", "OutV("),
        ("G.V().OutE().|", "OutV(", "Descendants("),
        ("g.v() . oute('RelationType', 'layer2').|", "ParentV(", "V()"),
        ("G.Flows().|", "RawPackets()", "OutE("),
        ("G.V().ShortestPathTo(Metadata('TID', 'x')).|", "SubGraph()", "OutV("),
        ("G.V().Group().|", "By(", "Out("),
        ("G.V().Group().By('Type').|", "Unfold(", "MoreThan("),
        ("G.V().Repeat(Out()).|", "Times(", "OutV("),
        ("G.V().As('a').OutE().Select('a').|", "Out(", "OutV("),
        ("G.V() // all of them\n.|", "Has(", "V()"),
        ("G.V().Has('Name', ')').|", "Out(", "V()"),
        ("G.V().Has('Name', 'it\\'s').|", "Out(", "V()"),
    ],
)
def test_only_steps_that_fit_what_the_chain_gives_are_offered(marked: str, offered: str, refused: str) -> None:
    found = offers(marked)
    assert offered in found
    assert refused not in found


def test_after_an_unknown_step_every_step_is_offered() -> None:
    assert {"Has(", "OutV(", "V()"} <= set(offers("G.Vee().|"))


def test_the_word_around_the_cursor_is_replaced_whole() -> None:
    assert taken("G.V().Ha|zz('Name')", "Has") == "G.V().Has('Name')"
    assert taken("G.V().des|", "Descendants(") == "G.V().Descendants("


def test_keys_of_the_graph_come_before_those_that_nothing_has() -> None:
    found = offers("G.V().Has('|")
    assert found.index("MTU") < found.index("Rare.Key")
    assert found.index("Type") < found.index("MTU") < found.index("Speed")


def test_a_key_of_many_list_members_counts_once_for_its_node() -> None:
    routes: list[Json] = [{"Prefix": str(number)} for number in range(2)]
    nodes = [Node(str(n), {"Routes": routes, "Name": "a"}, "h", "o", 1, 1) for n in range(3)]
    found = [one.text for one in at_mark("G.V().Has('|", words(Fixed(nodes)))[1].items]
    assert found[:3] == ["Routes", "Name", "Routes.Prefix"]


def test_a_key_is_described() -> None:
    items = {item.text: item for item in at_mark("G.V().Has('MT|")[1].items}
    assert items["MTU"].kind == "key"
    assert items["MTU"].info == "integer, B: longest packet, link header not counted"


def test_a_key_outside_of_quotes_gets_them() -> None:
    assert taken("G.V().HasKey(vm|)", "'ExtID.vm-id'") == "G.V().HasKey('ExtID.vm-id')"


@pytest.mark.parametrize(
    ("marked", "text"),
    [
        ("G.V().Has('Na|", "G.V().Has('Name"),
        ("G.V().Has('Na|xx', 'a')", "G.V().Has('Name', 'a')"),
        ('G.V().Has("Na|", 1)', 'G.V().Has("Name", 1)'),
        ("G.V().Has('Na|).Out('Type', 'x')", "G.V().Has('Name).Out('Type', 'x')"),
    ],
)
def test_a_key_replaces_the_string_that_it_stands_in_and_nothing_else(marked: str, text: str) -> None:
    assert taken(marked, "Name") == text


@pytest.mark.parametrize(
    ("marked", "key"),
    [
        ("G.V().OutE('|", "RelationType"),
        ("G.E().Values('|", "RelationType"),
        ("G.V().Out('|", "MTU"),
        ("G.V().ShortestPathTo(Metadata('|", "MTU"),
        ("G.V().ShortestPathTo(Metadata('Type', 'host'), Metadata('|", "RelationType"),
        ("G.V().Descendants('|", "RelationType"),
        ("G.Flows('|", "Network.A"),
        ("G.V().Flows().Sort(DESC, '|", "Metric.ABBytes"),
        ("G.Flows().Hops('|", "MTU"),
        ("G.V().Metrics().Sum('|", "RxBytes"),
    ],
)
def test_keys_are_those_of_what_the_argument_is_about(marked: str, key: str) -> None:
    found = offers(marked)
    assert key in found
    assert ("MTU" in found) == (key == "MTU")


def test_values_of_a_key_are_those_of_the_graph() -> None:
    found = offers("G.V().Has('State', '|")
    assert set(found) == {"UP", "DOWN"}
    assert {"1500", "9000", "Gt("} <= set(offers("G.V().Has('MTU', |"))
    assert offers("G.V().Has('State', Within('UP', 'D|")[0] == "DOWN"
    assert offers("G.V().Has('Name', Regex('et|")[0] == "eth0"


def test_types_are_offered_that_no_node_has_yet() -> None:
    assert offers("G.V().Has('Type', 'ge|")[0] == "geneve"


def test_a_place_where_nothing_is_known_gets_no_offer() -> None:
    for marked in ("G.V()|", "G.V() |", "G.V().Limit(|", "G.V().Limit(1|", "G.V().Has('Name', $n|", "G.V() # x.|"):
        assert offers(marked) == []


def test_words_of_some_steps_are_offered() -> None:
    assert offers("G.V().Sort(|")[:2] == ["ASC", "DESC"]
    assert offers("G.At('|")[0] == "-5m"
    assert offers("G.V().As('here').Out().Select('|") == ["here"]


def test_fields_of_rules_and_groups_are_offered() -> None:
    assert offers("G.V().OfRules('Pri|") == ["Priority"]
    assert offers("G.V().OfRules().Has('Idle|")[0] == "IdleTimeout"
    assert "Buckets.Weight" in offers("G.V().OfGroups().Values('|")


def test_within_an_argument_steps_of_its_own_may_follow() -> None:
    assert offers("G.V().Where(|") == ["__."]
    assert {"Out(", "OutV("} <= set(offers("G.V().Where(__.|"))
    assert "MTU" in offers("G.V().Where(__.Out('|")
    assert offers("G.V().Where(__.Has('Type', 'veth')).NextHop('|") == []


def test_a_word_of_the_network_cannot_end_the_string_that_it_is_put_into() -> None:
    hostile = "x').Drop('\\"
    node = Node("n", {"Name": hostile, "Labels": {"a.b": {"it's": 1}}}, "h", "o", 1, 1)
    found = words(Fixed([node]))
    text, completion = at_mark("G.V().Has('Name', |)", found)
    query = text[: completion.start] + completion.items[0].text + text[completion.end :]
    assert parse(query).steps[1].name == "Has"
    key = next(item for item in at_mark("G.V().HasKey(|)", found)[1].items if "it" in item.text)
    assert len(parse(f"G.V().HasKey({key.text})").steps) == 2


class Fixed:
    """A graph of nodes that are given."""

    def __init__(self, nodes: list[Node]) -> None:
        self._nodes = nodes

    def nodes(self) -> list[Node]:
        return self._nodes

    def edges(self) -> list[Edge]:
        return []

    def node_count(self) -> int:
        return len(self._nodes)

    def edge_count(self) -> int:
        return 0


def test_many_different_values_are_offered_only_once_one_begins() -> None:
    vocabulary = words(Fixed([Node(str(n), {"Name": f"tap{n}"}, "h", "o", 1, 1) for n in range(500)]))
    assert [one.kind for one in at_mark("G.V().Has('Name', '|", vocabulary)[1].items] == []
    assert at_mark("G.V().Has('Name', 'tap49|", vocabulary)[1].items[0].text.startswith("tap49")


def test_what_the_graph_says_is_kept_for_a_moment() -> None:
    nodes = [Node("a", {"Name": "a"}, "h", "o", 1, 1)]
    now = [0.0]
    live = GraphWords(Fixed(nodes), lambda: now[0])
    vocabulary = Vocabulary(live)
    assert "'Fresh'" not in [one.text for one in at_mark("G.V().Has(|", vocabulary)[1].items]
    nodes[0] = Node("a", {"Name": "a", "Fresh": 1}, "h", "o", 1, 1)
    now[0] = 60.0
    assert "'Fresh'" in [one.text for one in at_mark("G.V().Has(|", vocabulary)[1].items]


def test_metadata_that_is_as_big_and_deep_as_it_likes_is_looked_at_for_a_bounded_time() -> None:
    deep: dict[str, object] = {}
    for _ in range(500):
        deep = {"a": deep}
    wide = {f"k{a}": {f"k{b}": {f"k{c}": 1 for c in range(60)} for b in range(60)} for a in range(60)}
    nodes = [Node(str(n), {"Deep": deep, "Wide": wide}, "h", "o", 1, 1) for n in range(50)]  # type: ignore[dict-item]
    began = time.process_time()
    assert len(at_mark("G.V().Has('|", words(Fixed(nodes)))[1].items) == MOST_ITEMS
    assert time.process_time() - began < 0.5


_SIGNS = "G.',)($[#\\ \n\x00é\U0001f6f0"
_WORDS = (
    "V()",
    "Has(",
    "'Name'",
    "Metadata(",
    "Gt(",
    "Flows()",
    "$x",
    "//",
    "/*",
    "Out(",
    "ExtID['a",
    "As('a')",
    "Sort(",
)
PIECES = st.sampled_from((*_SIGNS, '"', *_WORDS, "ShortestPathTo(", "1.5", "Select("))


@settings(deadline=None, max_examples=150)
@given(st.lists(PIECES | st.text(max_size=3), max_size=14).map("".join), st.integers(-3, 60))
def test_no_text_and_no_cursor_makes_it_fail(text: str, cursor: int) -> None:
    found = complete(text, cursor, LAB)
    assert 0 <= found.start <= found.end <= len(text)
    assert found.start <= max(0, min(cursor, len(text)))
    assert all(item.text for item in found.items)
    assert len(found.items) <= MOST_ITEMS


@pytest.mark.parametrize("unit", ["(", ".V()", "'", "G.V(", "/*", "Has('a',", "\\", "1", "G"])
def test_a_long_text_costs_no_more_than_its_length(unit: str) -> None:
    began = time.process_time()
    complete((unit * LONGEST)[:LONGEST], LONGEST, LAB)
    complete(unit * LONGEST * 4, LONGEST, LAB)
    assert time.process_time() - began < 0.5
