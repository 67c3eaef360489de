# SPDX-License-Identifier: Apache-2.0
"""What the grammar accepts, and how it refuses the rest: a message, a hint, and the place."""

from typing import Any

import pytest

from netsonde.query import QueryError, parse
from netsonde.query.parser import MOST_CHARACTERS, MOST_DEPTH, read
from netsonde.query.syntax import Binding, Call, Literal, Word


def arguments_of(text: str) -> list[Any]:
    query = read(text)
    return [argument.value if isinstance(argument, Literal) else argument for argument in query.steps[-1].arguments]


@pytest.mark.parametrize(
    "text",
    [
        "G",
        "g",
        " G ",
        "G()",
        "G . V ( ) . Count ( )",
        "g.v().hAs('Name', 'eth0').COUNT()",
        "G.V()\r\n  .Has('Name', 'eth0')\r\n  .Count()\r\n",
        "G.V()\u2003.Count(\u00a0)\u2028",
        "\ufeffG.V()",
        "G.V() // all of them\n.Count() # how many\n",
        "G /* the graph */ .V(/* all */)",
        "G.V().Has(,,'Name',,'host1',)",
        "G.V().Has('Name' 'host1')",
        "G.At(NOW(), FOREVER()).V()",
        "G.At('NOW', 'forever').V()",
        "G.V().Sort(DESC(), 'Name')",
        "G.Context('-1h').V()",
        "G.Flows().Node()",
        "G.V().Subgraph()",
        "G.V().Valuemap('Name', 'Type')",
        "G.At(1, 300).V().Has('Name', 'a').descendants(10).as('k8s').Out().In().Has('Type','netns')"
        ".Descendants(10).as('infra').select('k8s','infra').SubGraph()",
    ],
)
def test_spellings_in_use_are_accepted(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("'plain'", "plain"),
        ('"it\'s"', "it's"),
        (r"'it\'s'", "it's"),
        (r'"a\"b"', 'a"b'),
        (r"'a\\b'", r"a\b"),
        (r"'a\nb\tc'", "a\nb\tc"),
        ("'two\nlines'", "two\nlines"),
        (r"'\u003cb\u003e'", "<b>"),
        (r"'\ud83d\ude00'", "😀"),
        (r"'eth\d+\.\w'", r"eth\d+\.\w"),
        (r"'\bword\b'", r"\bword\b"),
        ("''", ""),
        ("'ünïcödé'", "ünïcödé"),
        ("1500", 1500),
        ("01500", 1500),
        ("1500.", 1500.0),
        ("-5", -5),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        ("2.5E-3", 0.0025),
        ("9223372036854775807", 2**63 - 1),
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_literals_stand_for_their_values(literal: str, value: object) -> None:
    (found,) = arguments_of(f"G.V({literal})")

    assert found == value
    assert type(found) is type(value)


def test_words_parameters_and_tests_keep_their_places() -> None:
    call, word, binding = arguments_of("G.V(Gt(3), DESC, $name)")

    assert isinstance(call, Call)
    assert isinstance(word, Word)
    assert isinstance(binding, Binding)
    assert (call.name, call.span.start, call.span.end) == ("Gt", 4, 9)
    assert (word.name, word.span.start, word.span.end) == ("DESC", 11, 15)
    assert (binding.name, binding.span.start, binding.span.end) == ("name", 17, 22)


MISTAKES = [
    ("", "empty", None),
    ("   ", "empty", None),
    ("H.V()", "starts with G", "H"),
    ("'G'", "starts with G", "'G'"),
    ("(", "starts with G", "("),
    ("G.V().Has('Nam', 'eth0'", r"Has\( is never closed", "Has("),
    ("G.V(", r"V\( is never closed", "V("),
    ("G.V().Has('x', Gt(3)", r"Has\( is never closed", "Has("),
    ("G.V().Has('x', Gt(3", r"Gt\( is never closed", "Gt("),
    ("G.V(.Has('a','b')", "cannot stand among the arguments of V", "."),
    ("G.V()).E()", "where a dot and the next step should", ")"),
    ("G.V() x", "where a dot and the next step should", "x"),
    ("G.V() 'x'", "where a dot and the next step should", "'x'"),
    ("G.V().", "ends where a step should follow", ""),
    ("G..V()", "where the name of a step should", "."),
    ("G.(V)", "where the name of a step should", "("),
    ("G.Flows().#()", "ends where a step should follow", ""),
    ("G.V().Has('a", "never closed", "'a"),
    ("G.V().Has('a\")", "never closed", "'a\")"),
    ("G.V(10s)", "not a number", "10s"),
    ("G.V(0x5DC)", "not a number", "0x5DC"),
    ("G.V(1.2.3)", "not a number", "1.2.3"),
    ("G.V(18446744073709551616)", "more than 64 bits", "18446744073709551616"),
    ("G.V(1e999)", "out of range", "1e999"),
    (f"G.V({'9' * 5000})", "too long", "9" * 5000),
    (r"G.V('\ud83d')", "half a character", r"'\ud83d'"),
    ("G.V(%)", "has no meaning", "%"),
    ("G.V(\0)", "has no meaning", "\0"),
    ("G.V() /* x", "comment that begins here", "/*"),
    ("G.Foo()", "no step named", "Foo"),
    ("G.Gt(3)", "is a test, not a step", "Gt"),
    ("G.V", "needs parentheses", "V"),
    ("G.V().Has('x', Outsid(1, 2))", "no test named", "Outsid"),
    ("G.V().Has('x', Gt)", "not a value", "Gt"),
    ("G.V().Has('x', Gt(Lt(3)))", "takes one number", "Gt(Lt(3))"),
    ("G.V().Has('x', Within(Lt(3)))", "plain values only", "Lt(3)"),
    ("G.V().Has('x', Lt('a'))", "takes one number", "'a'"),
    ("G.V().Has('x', Lt(1, 2))", "takes one number", "Lt(1, 2)"),
    ("G.V().Has('x', Between(1500))", "takes two numbers", "Between(1500)"),
    ("G.V().Has('x', Regex(1))", "regular expression", "1"),
    ("G.V().Has('x', Regex('('))", "cannot be used", "'('"),
    ("G.V().Has('x', Ipv4Range('10.0.0.1'))", "not an address range", "'10.0.0.1'"),
    ("G.V().Has(1, 2)", "where a key", "1"),
    ("G.V().Has('', 2)", "empty", "''"),
    ("G.V().Has('a..b', 2)", "empty part", "'a..b'"),
    ("G.V().Has()", "needs at least a key", "Has()"),
    ("G.V(1)", "where an id", "1"),
    ("G.V('a', 'b')", "at most one id", "'b'"),
    ("G.V().HasKey()", "one key", "HasKey()"),
    ("G.V().HasNot('a', 'b')", "one key", "'b'"),
    ("G.V().Count(1)", "no argument", "1"),
    ("G.V().Range(1)", "two whole numbers", "Range(1)"),
    ("G.V().Range(0, -1)", "a whole number", "-1"),
    ("G.V().Limit()", "one whole number", "Limit()"),
    ("G.V().Limit(1.5)", "a whole number", "1.5"),
    ("G.V().Limit(-1)", "a whole number", "-1"),
    ("G.V().Limit(true)", "a whole number", "true"),
    ("G.V().Values()", "one key", "Values()"),
    ("G.V().Values(1)", "a key in quotes", "1"),
    ("G.Flows().ValueMap()", "at least one key", "ValueMap()"),
    ("G.V().Dedup(1)", "a key in quotes", "1"),
    ("G.V().Sort(Name)", "ASC or DESC", "Name"),
    ("G.V().Sort('a', 'b')", "before one key", "'b'"),
    ("G.V().As()", "one name", "As()"),
    ("G.V().Select('z')", "nothing is remembered", "'z'"),
    ("G.V().ShortestPathTo()", "one or two Metadata", "ShortestPathTo()"),
    ("G.V().ShortestPathTo('x')", "Metadata", "'x'"),
    ("G.V().ShortestPathTo(Metadata('Name'), Metadata())", "at least a key", "Metadata()"),
    ("G.V().Metrics('Nope')", "no metrics of the kind", "'Nope'"),
    ("G.At().V()", "takes a time", "At()"),
    ("G.At('x').V()", "is not a time", "'x'"),
    ("G.At(NOW, -5).V()", "negative", "-5"),
    ("G.At(-1).V()", "before 1970", "-1"),
    ("G.V().SubGraph().At(NOW)", "cannot follow SubGraph", "At(NOW)"),
    ("G.Workflow()", "Workflow requires at least 1 parameter", "Workflow()"),
    ("G.Workflow(3)", "the name of a workflow in quotes", "3"),
    ("G.Workflow('x', Gt(3))", "texts, numbers and bound values", "Workflow('x', Gt(3))"),
    ("G.Workflow('x').At(NOW)", "cannot follow", "At(NOW)"),
    ("G.Count()", "Count works on nodes", "Count"),
    ("G.V().InV()", "InV works on edges, but V gives nodes", "InV"),
    ("G.V().Count().Out()", "Out works on nodes or flows, but Count gives a single value", "Out"),
    ("G.Has('Name', 'x')", "but G is the graph", "Has"),
    ("G.V().Has('Name', $n)", "no value was given", "$n"),
]


@pytest.mark.parametrize(("text", "message", "place"), MISTAKES)
def test_mistakes_are_refused_with_their_place(text: str, message: str, place: str | None) -> None:
    with pytest.raises(QueryError, match=message) as caught:
        parse(text)

    span = caught.value.span
    assert (None if span is None else text[span.start : span.end]) == place
    assert caught.value.text == text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("G.V().Decendants()", "did you mean Descendants?"),
        ("G.V().hsa('a', 'b')", "did you mean Has?"),
        ("G.V().Has('x', Betwen(1, 2))", "did you mean Between?"),
        ("G.V().As('west').Select('wets')", "did you mean west?"),
        ("G.Has('Name', 'x')", "write G.V().Has(…)"),
        ("G.V", "write V()"),
    ],
)
def test_hints_name_what_was_probably_meant(text: str, hint: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)

    assert caught.value.hint == hint


def test_a_caret_stands_under_the_place() -> None:
    with pytest.raises(QueryError) as caught:
        parse("G.V()\n  .Has('Name', 'eth0'")

    assert caught.value.explain().splitlines() == [
        "error: Has( is never closed",
        "    .Has('Name', 'eth0'",
        "     ^^^^ column 4",
        "hint: add )",
    ]


def test_parameters_are_bound_not_pasted() -> None:
    plan = parse("G.V().Has('Name', $n, 'MTU', Within($sizes))", {"n": "it's", "sizes": [1500, 9000]})

    assert plan.kind == "nodes"


@pytest.mark.parametrize("value", [{"a": 1}, [[1]], [{"a": 1}]])
def test_parameters_that_are_no_values_are_refused(value: Any) -> None:
    with pytest.raises(QueryError):
        parse("G.V().Has('Name', Within($n))", {"n": value})


def test_a_bound_list_goes_only_where_lists_go() -> None:
    with pytest.raises(QueryError, match="only be given to Within"):
        parse("G.V().Has('Name', $n)", {"n": ["a"]})


def test_what_is_too_long_or_too_deep_is_refused() -> None:
    with pytest.raises(QueryError, match="characters"):
        parse("G" + " " * MOST_CHARACTERS)
    with pytest.raises(QueryError, match="words and signs"):
        parse("G.V(" + "1 " * 20_000 + ")")
    with pytest.raises(QueryError, match="nested"):
        parse("G.V(" + "a(" * (MOST_DEPTH + 1))
    with pytest.raises(QueryError, match="longer than"):
        parse(f"G.V().HasKey('{'a.' * 2000}a')")
