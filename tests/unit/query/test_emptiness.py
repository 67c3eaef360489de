# SPDX-License-Identifier: Apache-2.0
"""Why a query finds nothing."""

import pytest

from netsonde.query import parse, why_empty
from unit.query.lab import lab_sources

CASES = [
    ("G.V().Has('Nam', 'eth0')", "no node has the key 'Nam'", "did you mean 'Name'?", "'Nam'"),
    (
        "G.V().HasKey('ExtID.vm-ids')",
        "no node has the key 'ExtID.vm-ids'",
        "did you mean 'ExtID.vm-id'?",
        "'ExtID.vm-ids'",
    ),
    ("G.V().Has('Name', 'eth0', 'Nope', 1)", "no node has the key 'Nope'", "", "'Nope'"),
    ("G.V('br0').OutE('Typ', 'x').OutV()", "no edge has the key 'Typ'", "did you mean 'Type'?", "'Typ'"),
    ("G.V().Has('Name', 'eth9')", "Has leaves none of the nodes before it", "", "Has('Name', 'eth9')"),
    ("G.V('nope').Out()", "V finds no node", "", "V('nope')"),
    ("G.V('v1n').Out()", "Out leaves none of the nodes before it", "", "Out()"),
    ("G.V().Where(__.Out('Nam', 'x'))", "no node has the key 'Nam'", "did you mean 'Name'?", "'Nam'"),
    ("G.V().Not(__.HasNot('Nope'))", "Not leaves none of the nodes before it", "", "Not(__.HasNot('Nope'))"),
    ("G.V('v1n').Out().SimplePath()", "V.Out.SimplePath finds no node", "", "V('v1n').Out().SimplePath()"),
    ("G.V('h1').ShortestPathTo(Metadata('TID', 'x'))", "ShortestPathTo leaves none of the nodes before it", "", None),
]


@pytest.mark.parametrize(("query", "reason", "hint", "place"), CASES)
def test_the_first_condition_that_nothing_meets_is_named(query: str, reason: str, hint: str, place: str | None) -> None:
    found = why_empty(parse(query), lab_sources().graph)

    assert found is not None
    assert (found.reason, found.hint) == (reason, hint)
    assert place is None or query[found.span.start : found.span.end] == place


@pytest.mark.parametrize("query", ["G", "G.V()", "G.V().Has('Name', 'eth0')", "G.Flows('UUID', 'x')"])
def test_what_finds_something_or_looks_elsewhere_has_no_reason(query: str) -> None:
    assert why_empty(parse(query), lab_sources().graph) is None
