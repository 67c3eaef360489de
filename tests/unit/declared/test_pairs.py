# SPDX-License-Identifier: Apache-2.0
"""Linking everything with everything costs what is kept, not what could be linked."""

from netsonde.declared.rules.pairs import Pairs
from netsonde.graph import Batch, Graph
from netsonde.graph.events import Event
from netsonde.query import Matcher, compile_standing, parse

EACH = 200
MOST = 30


class Counted(str):
    """An id that counts how often it is looked at."""

    __slots__ = ()
    looks = 0

    def __hash__(self) -> int:
        Counted.looks += 1
        return super().__hash__()


def graph_of(each: int) -> Graph:
    graph = Graph("h", "analyzer.h", lambda: 1)
    batch = Batch()
    for kind in ("tap", "host"):
        for number in range(each):
            batch.put_node(Counted(f"{kind}{number}"), "probe", {"Name": "x", "Type": kind})
    graph.apply(batch)
    return graph


def pairs_of(graph: Graph) -> Pairs:
    hosts, taps = (compile_standing(parse(f"G.V().Has('Type', '{kind}')")) for kind in ("host", "tap"))
    pairs = Pairs(graph, Matcher(hosts, graph, filled=False), Matcher(taps, graph, filled=False), None, MOST)
    while not pairs.is_filled:
        pairs.fill(EACH // 4)
    return pairs


def test_what_is_beyond_the_limit_is_not_looked_at() -> None:
    graph = graph_of(EACH)
    before = Counted.looks
    pairs = pairs_of(graph)
    assert (len(pairs.pairs), pairs.is_full) == (MOST, True)
    # Every pair that could be made would be 40,000 looks.
    assert 2 * EACH < Counted.looks - before < 20 * 2 * EACH


def test_a_node_that_goes_makes_room_for_other_pairs() -> None:
    graph = graph_of(EACH)
    pairs = pairs_of(graph)
    heard: list[Event] = []
    graph.subscribe(heard.extend)
    gone = {child for _, child in pairs.pairs}
    graph.apply(_without(gone))
    changed = pairs.update(heard)
    assert (len(pairs.pairs), pairs.is_full) == (MOST, True)
    assert not gone & {child for _, child in pairs.pairs}
    assert len(changed) == 2 * MOST


def _without(ids: set[str]) -> Batch:
    batch = Batch()
    for id_ in ids:
        batch.delete_node(id_)
    return batch
