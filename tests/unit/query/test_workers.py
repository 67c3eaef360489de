# SPDX-License-Identifier: Apache-2.0
"""What the threads of long queries tell about themselves."""

from contextlib import closing

from netsonde.graph import Graph
from netsonde.query import Limits, Sources
from netsonde.query.context import Context
from netsonde.query.workers import Workers

MUCH = 64 * 2**20


async def test_queries_hold_much_by_what_they_make_and_not_by_their_number() -> None:
    graph = Graph("h1", "agent.h1", lambda: 1)
    context = Context(graph, Sources(graph), Limits())
    with closing(Workers()) as workers:
        async with workers.place("client", 10) as light, workers.place("client", 10) as heavy:
            await light.compute(context, lambda: None)
            before = workers.hold_much
            held = await heavy.compute(context, lambda: b"x" * MUCH)
            during = workers.hold_much
        assert (before, during, workers.hold_much, len(held)) == (False, True, False, MUCH)
