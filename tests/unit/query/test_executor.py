# SPDX-License-Identifier: Apache-2.0
"""How plans run: what sources are asked for, what is missing is said, and a plan gives the same each time."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from netsonde.model.flows import FlowAnswer, FlowRequest, FlowTest
from netsonde.model.topology import InterfaceMetric
from netsonde.query import LimitReached, Limits, QueryError, Sources, evaluate, parse, run
from netsonde.query.context import Context
from netsonde.query.executor import apply_all
from unit.query.lab import T0, FakeAgents, as_ids, lab_packets, lab_sources, timeline

APPLICATION = FlowTest("application", "in", ["TCP"])


def _agents(sources: Sources) -> FakeAgents:
    return cast("FakeAgents", sources.flows)


@pytest.mark.parametrize(
    ("query", "request_made"),
    [
        ("G.Flows()", FlowRequest()),
        ("G.V('br0').Flows()", FlowRequest(node_tids=["tid-br0"])),
        ("G.Flows('NodeTID', 'tid-br0')", FlowRequest(node_tids=["tid-br0"])),
        ("G.Flows().Has('CaptureID', 'cap-1')", FlowRequest(capture_ids=["cap-1"])),
        ("G.Flows().Has('UUID', Within('f1', 'f2'))", FlowRequest(uuids=["f1", "f2"])),
        ("G.V().Flows().Has('NodeTID', 'tid-v1h')", FlowRequest(node_tids=["tid-v1h"])),
        ("G.Flows().Has('Application', 'TCP')", FlowRequest(where=[[APPLICATION]])),
        (
            "G.Flows().HasEither('UUID', 'f1', 'Application', 'TCP')",
            FlowRequest(where=[[FlowTest("uuid", "in", [0xF1]), APPLICATION]]),
        ),
        ("G.Flows().Limit(1).Has('UUID', 'f1')", FlowRequest(limit=1)),
        ("G.Flows().Has('UUID', Ne('f1'))", FlowRequest()),
        ("G.Flows('Application', 'TCP').Sort(DESC, 'Last').Range(2, 9)", FlowRequest(where=[[APPLICATION]], limit=9)),
        ("G.Flows().Sort(DESC, 'Start').Limit(3)", FlowRequest()),
        ("G.Flows().Dedup().Limit(3)", FlowRequest()),
        ("G.Flows().Has('Application', Regex('T.*')).Limit(3)", FlowRequest()),
        (
            "G.Flows().Has('Last', Lt(2)).Has('TCP.B', 80)",
            FlowRequest(
                where=[
                    [FlowTest("last_ns", "range", [None, 1_999_999])],
                    [FlowTest("transport_b", "in", [80])],
                    [FlowTest("transport_protocol", "in", ["TCP"])],
                ]
            ),
        ),
    ],
)
async def test_sources_are_asked_for_no_more_flows_than_needed(query: str, request_made: FlowRequest) -> None:
    sources = lab_sources()

    await run(parse(query), sources)

    assert _agents(sources).asked == [request_made]


async def test_no_nodes_means_no_flows_live_and_in_the_past() -> None:
    sources = lab_sources()

    live = await run(parse("G.V('nope').Flows()"), sources)
    past = await run(parse("G.At(NOW).V('nope').Flows().Metrics()"), sources)

    assert (live.value, past.value) == ([], [])
    assert _agents(sources).asked == []


async def test_hosts_that_did_not_answer_and_cut_answers_are_named() -> None:
    sources = lab_sources()
    _agents(sources).missing = ("h7",)

    result = await run(parse("G.Flows()"), sources, Limits(flows=2))

    assert as_ids(result.value) == ["f2", "f3"]
    assert result.missing_hosts == ("h7",)
    assert result.truncated


async def test_packets_come_as_batches_too_for_a_pcap_file() -> None:
    result = await run(parse("G.Flows().RawPackets()"), lab_sources())
    other = await run(parse("G.V()"), lab_sources())

    assert result.raw_packets == [lab_packets()]
    assert other.raw_packets is None


async def test_a_source_that_hangs_is_given_up_at_the_time_limit() -> None:
    class Hanging(FakeAgents):
        async def flows(self, request: FlowRequest) -> FlowAnswer:
            await asyncio.Event().wait()
            raise AssertionError

    with pytest.raises(LimitReached, match="waiting for its sources"):
        await run(parse("G.Flows()"), replace(lab_sources(), flows=Hanging()), Limits(seconds=0.01))


async def test_a_timeout_of_a_source_is_not_taken_for_the_query_s_own() -> None:
    class Failing(FakeAgents):
        async def flows(self, request: FlowRequest) -> FlowAnswer:
            raise TimeoutError("the bus")

    with pytest.raises(TimeoutError, match="the bus"):
        await run(parse("G.Flows()"), replace(lab_sources(), flows=Failing()))


@pytest.mark.parametrize("query", ["G.Flows()", "G.Flows().RawPackets()", "G.At(NOW).Flows()"])
async def test_a_missing_source_is_a_user_error(query: str) -> None:
    with pytest.raises(QueryError, match=r"there (is no history|are no flows) here"):
        await run(parse(query), Sources(lab_sources().graph))


@pytest.mark.parametrize("query", ["G.V().Range(6, 9).Values('@ID')", "G.V().As('a').Select('a', 'a').Count()"])
async def test_a_plan_gives_the_same_each_time(query: str) -> None:
    plan, sources = parse(query), lab_sources()

    first = (await run(plan, sources)).value
    second = (await run(plan, sources)).value

    assert first == second


class Stream:
    """Counters of one interface."""

    async def interface_metrics(
        self, node_ids: Sequence[str], start_ms: int | None, last_ms: int | None
    ) -> Sequence[InterfaceMetric]:
        return [InterfaceMetric("v2n", "tid-v2n", "h1", 10, 20, {"RxBytes": 7, "TxBytes": 0})]


async def test_metrics_of_interfaces_come_from_their_stream() -> None:
    result = await run(parse("G.V('v2n').Metrics()"), replace(lab_sources(), metrics=Stream()))

    assert result.value == [{"v2n": ({"RxBytes": 7, "Start": 10, "Last": 20},)}]


@pytest.mark.parametrize("graph", ["G", f"G.At({T0 + 60})"])
@pytest.mark.parametrize("key", ["Metric", "LastUpdateMetric"])
async def test_an_interface_has_the_key_of_counters_when_they_are_in_its_metadata_or_their_stream(
    graph: str, key: str
) -> None:
    plan = parse(f"{graph}.V().HasKey('{key}').Values('@ID')")

    assert (await run(plan, replace(lab_sources(), metrics=Stream()))).value == ["eth0", "v1n", "v2n"]


async def test_a_workflow_makes_the_graph_that_the_query_goes_on_with() -> None:
    found = await run(parse("G.Workflow('Rack', 'r1', $next).V('r1').Out()", {"next": "r2"}), lab_sources())
    graph = await run(parse("G.Workflow('Rack', 'r1', 'r2')"), lab_sources())

    assert as_ids(found.value) == ["r2"]
    assert as_ids(graph.value) == [{"Nodes": ["r1", "r2"], "Edges": ["r1-r2"]}]


@pytest.mark.parametrize(
    ("query", "message", "hint"),
    [
        ("G.Workflow('Nope')", "Workflow 'Nope' not found", "GET /api/workflow"),
        ("G.Workflow('Text').V()", "'Text' returns no graph", "{nodes: […], edges: […]}"),
        ("G.Workflow('Rack', 7).V()", "returns no graph: Expected `str`, got `int`", ""),
    ],
)
async def test_what_a_workflow_cannot_give_is_told_at_its_place(query: str, message: str, hint: str) -> None:
    with pytest.raises(QueryError, match=re.escape(message)) as caught:
        await run(parse(query), lab_sources())

    assert caught.value.span is not None
    assert hint in caught.value.hint


async def test_a_query_that_may_call_no_workflow_says_so() -> None:
    with pytest.raises(QueryError, match="no workflow can be called here"):
        await run(parse("G.Workflow('Rack')"), replace(lab_sources(), workflows=None))


def test_steps_that_wait_cannot_be_evaluated_at_once() -> None:
    with pytest.raises(QueryError, match="Flows cannot be answered from the graph alone"):
        evaluate(parse("G.Flows()"), lab_sources().graph)


def test_explain_tells_keys_and_indexes() -> None:
    plan = parse("G.V().Has('Type', 'veth').Has('MTU', Gt(1500)).Out('Name', 'eth0').Sort('MTU')")
    explained: Any = plan.explain()

    assert explained["Gives"] == "nodes"
    assert explained["Reads"] == {"nodes": ["MTU", "Name", "Type"]}
    assert [(step["Step"], step["Index"]) for step in explained["Steps"]] == [
        ("V.Has.Has", "Type"),
        ("Out", None),
        ("Sort", None),
    ]


async def test_a_query_over_an_interval_dedups_to_the_newest_revision() -> None:
    sources = Sources(lab_sources().graph, history=timeline(), now_ms=lambda: 1_030_000)

    result = await run(parse("G.At(NOW, '30s').V('A').Dedup().Values('@Revision')"), sources)

    assert result.value == [2]


def test_filters_that_are_looked_up_together_keep_their_meaning() -> None:
    plan = parse("G.V().HasKey('MTU').HasEither('Type', 'device', 'Type', 'ovsbridge')")

    assert sorted(cast("list[str]", as_ids(evaluate(plan, lab_sources().graph)))) == ["br0", "eth0"]


@pytest.mark.parametrize(
    "query",
    [
        "G.V().ShortestPathTo(Metadata('Name', 'nowhere'))",
        "G.V().As('a').Where(Within('a'))",
        "G.V().Both().Both().CyclicPath()",
        "G.V().Values('MTU').Max()",
        "G.V().Repeat(__.Both().Dedup()).Times(3)",
        "G.V().GroupCount('Type')",
        "G.V().Choose(__.Has('MTU'), __.Out(), __.In())",
        "G.V().Aggregate('a').Cap('a')",
    ],
)
def test_a_step_that_is_told_to_end_at_its_look_at_the_clock_ends(query: str) -> None:
    plan, sources = parse(query), lab_sources()
    context = Context(graph=sources.graph, sources=sources, limits=Limits())
    before = apply_all(plan.pipeline[:-1], (), context)
    context.beat = _stop

    with pytest.raises(InterruptedError):
        plan.pipeline[-1].operation.apply(before, context)  # type: ignore[union-attr]


def _stop() -> None:
    raise InterruptedError


def test_a_text_is_planned_once_unless_values_are_bound() -> None:
    assert parse("G.V().Has('Name', 'eth0')") is parse("G.V().Has('Name', 'eth0')")
    assert parse("G.V().Has('Name', $n)", {"n": "a"}) is not parse("G.V().Has('Name', $n)", {"n": "a"})
