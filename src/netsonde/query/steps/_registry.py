# SPDX-License-Identifier: Apache-2.0
"""Every step of the language: one line each. The planner, its hints and the manual know nothing else."""

from collections.abc import Iterable, Mapping
from typing import Final

from netsonde.query.kinds import Kind
from netsonde.query.steps import (
    _by,
    aggregates,
    arithmetic,
    branching,
    changes,
    collecting,
    elements,
    filtering,
    flow_ends,
    flows,
    folding,
    graph_sources,
    grouping,
    grouping_by,
    hierarchy,
    maps,
    metrics,
    moving,
    naming,
    next_hops,
    openflow,
    ordering,
    ordering_by,
    packets,
    paths,
    repeating,
    shortest_path,
    sockets,
    sub_graph,
    time_travel,
    top_talkers,
    values,
    workflows,
)
from netsonde.query.steps._api import ModulatorSpec, StepSpec

GRAPH, NODES, EDGES, PATHS = Kind.GRAPH, Kind.NODES, Kind.EDGES, Kind.PATHS
VALUES, VALUE, FLOWS, METRICS, PACKETS = Kind.VALUES, Kind.VALUE, Kind.FLOWS, Kind.METRICS, Kind.PACKETS
GROUPS, SOCKETS, NEXT_HOPS, CHANGES = Kind.GROUPS, Kind.SOCKETS, Kind.NEXT_HOPS, Kind.CHANGES
OF_RULES, OF_GROUPS = Kind.OF_RULES, Kind.OF_GROUPS

_ENTRIES: Final = (SOCKETS, NEXT_HOPS, OF_RULES, OF_GROUPS)
_LISTS: Final = (NODES, EDGES, PATHS, VALUES, FLOWS, METRICS, GROUPS, PACKETS, *_ENTRIES, CHANGES)
_ALL: Final = (GRAPH, *_LISTS, VALUE)
_ELEMENTS: Final = (NODES, EDGES)
_RECORDS: Final = (NODES, EDGES, FLOWS, VALUES)
_ROWS: Final = (NODES, EDGES, PATHS, FLOWS, VALUES)
_BY: Final = frozenset({"by"})
_REPEAT: Final = frozenset({"times", "until", "emit"})


def _same(kinds: Iterable[Kind]) -> Mapping[Kind, Kind]:
    return {kind: kind for kind in kinds}


def _all(kinds: Iterable[Kind], gives: Kind) -> Mapping[Kind, Kind]:
    return dict.fromkeys(kinds, gives)


_SPECS: Final = (
    StepSpec("G", graph_sources.build_g, _all(_ALL, GRAPH)),
    StepSpec("V", graph_sources.build_v, {GRAPH: NODES}),
    StepSpec("E", graph_sources.build_e, {GRAPH: EDGES}),
    StepSpec("At", time_travel.build_at, {GRAPH: GRAPH}, ("Context",)),
    StepSpec("Workflow", workflows.build_workflow, {GRAPH: GRAPH}),
    StepSpec("Changes", changes.build_changes, _all((GRAPH, NODES, EDGES), CHANGES)),
    StepSpec("Diff", changes.build_diff, {GRAPH: CHANGES}),
    StepSpec("TopTalkers", top_talkers.build_top_talkers, {GRAPH: VALUES}),
    StepSpec("Has", filtering.build_has, _same((*_LISTS, VALUE))),
    StepSpec("HasKey", filtering.build_has_key, _same((*_LISTS, VALUE))),
    StepSpec("HasNot", filtering.build_has_not, _same((*_LISTS, VALUE))),
    StepSpec("HasEither", filtering.build_has_either, _same((*_LISTS, VALUE))),
    StepSpec("Out", moving.build_out, _all((NODES, FLOWS), NODES)),
    StepSpec("In", moving.build_in, _all((NODES, FLOWS), NODES)),
    StepSpec("Both", moving.build_both, _all((NODES, FLOWS), NODES)),
    StepSpec("OutE", moving.build_out_e, {NODES: EDGES}),
    StepSpec("InE", moving.build_in_e, {NODES: EDGES}),
    StepSpec("BothE", moving.build_both_e, {NODES: EDGES}),
    StepSpec("OutV", moving.build_child_v, {EDGES: NODES}, ("ChildV",)),
    StepSpec("InV", moving.build_parent_v, {EDGES: NODES}, ("ParentV",)),
    StepSpec("BothV", moving.build_both_v, {EDGES: NODES}),
    StepSpec("Descendants", hierarchy.build_descendants, _same((NODES,))),
    StepSpec("Ascendants", hierarchy.build_ascendants, _same((NODES,))),
    StepSpec("Neighbors", hierarchy.build_neighbors, _same((NODES,)), ("Neighbours",)),
    StepSpec("ShortestPathTo", shortest_path.build_shortest_path, {NODES: PATHS}),
    StepSpec("SubGraph", sub_graph.build_sub_graph, _all((NODES, EDGES, PATHS), GRAPH)),
    StepSpec("Dedup", ordering.build_dedup, {**_same(_LISTS), PATHS: NODES}),
    StepSpec("Limit", ordering.build_limit, _same(_LISTS)),
    StepSpec("Range", ordering.build_range, _same(_LISTS)),
    StepSpec("Sort", ordering.build_sort, _same(_LISTS)),
    StepSpec("Count", ordering.build_count, _all((*_LISTS, VALUE), VALUE)),
    StepSpec("Values", values.build_values, _all((*_LISTS, VALUE), VALUES)),
    StepSpec("ValueMap", values.build_value_map, _all((*_LISTS, VALUE), VALUES)),
    StepSpec("Keys", values.build_keys, _all((*_LISTS, VALUE), VALUES)),
    StepSpec("Sum", values.build_sum, _all(_LISTS, VALUE)),
    StepSpec("As", naming.build_as, _same((*_LISTS, VALUE))),
    StepSpec("Select", naming.build_select, _same((*_LISTS, VALUE))),
    StepSpec("Flows", flows.build_flows, _all((GRAPH, NODES, PATHS), FLOWS)),
    StepSpec("Hops", flow_ends.build_capture_node, {FLOWS: NODES}),
    StepSpec("CaptureNode", flow_ends.build_capture_node, {FLOWS: NODES}, ("Node",)),
    StepSpec("Nodes", flow_ends.build_nodes, {FLOWS: NODES}),
    StepSpec("Group", grouping.build_group, _all(_RECORDS, GROUPS), modulators=_BY),
    StepSpec("MoreThan", grouping.build_more_than, _same((GROUPS,))),
    StepSpec("RawPackets", packets.build_raw_packets, {FLOWS: PACKETS}),
    StepSpec("BPF", packets.build_bpf, _same((PACKETS,))),
    StepSpec("Metrics", metrics.build_metrics, _all((NODES, PATHS, FLOWS), METRICS)),
    StepSpec("Aggregates", aggregates.build_aggregates, _same((METRICS,))),
    StepSpec("Sockets", sockets.build_sockets, _all((NODES, PATHS, FLOWS), SOCKETS)),
    StepSpec("NextHop", next_hops.build_next_hop, _all((NODES, PATHS), NEXT_HOPS)),
    StepSpec("OfRules", openflow.build_of_rules, _all((NODES, PATHS), OF_RULES)),
    StepSpec("OfGroups", openflow.build_of_groups, _all((NODES, PATHS), OF_GROUPS)),
    # TinkerPop's steps that the reference does not have
    StepSpec("Where", branching.build_where, _same(_ROWS), ("Filter",)),
    StepSpec("Not", branching.build_not, _same(_ROWS)),
    StepSpec("And", branching.build_and, _same(_ROWS)),
    StepSpec("Or", branching.build_or, _same(_ROWS)),
    StepSpec("Union", branching.build_union, _same(_ROWS)),
    StepSpec("Coalesce", branching.build_coalesce, _same(_ROWS)),
    StepSpec("Optional", branching.build_optional, _same(_ROWS)),
    StepSpec("Choose", branching.build_choose, _same(_ROWS)),
    StepSpec("Local", branching.build_local, _same(_ROWS)),
    StepSpec("Repeat", repeating.build_repeat, _same(_ELEMENTS), leading=_REPEAT, modulators=_REPEAT),
    StepSpec("Path", paths.build_path, _all(_RECORDS, PATHS), modulators=_BY),
    StepSpec("SimplePath", paths.build_simple_path, _same(_RECORDS)),
    StepSpec("CyclicPath", paths.build_cyclic_path, _same(_RECORDS)),
    StepSpec("Tree", paths.build_tree, _all(_RECORDS, VALUES), modulators=_BY),
    StepSpec("OtherV", paths.build_other_v, {EDGES: NODES}),
    StepSpec("GroupCount", grouping_by.build_group_count, _all(_RECORDS, VALUES), modulators=_BY),
    StepSpec("Project", grouping_by.build_project, _all(_RECORDS, VALUES), modulators=_BY),
    StepSpec("Order", ordering_by.build_order, _same(_RECORDS), modulators=_BY),
    StepSpec("Skip", ordering_by.build_skip, _same(_LISTS)),
    StepSpec("Tail", ordering_by.build_tail, _same(_LISTS)),
    StepSpec("Sample", ordering_by.build_sample, _same(_RECORDS)),
    StepSpec("HasId", elements.build_has_id, _same(_ELEMENTS)),
    StepSpec("HasLabel", elements.build_has_label, _same(_ELEMENTS)),
    StepSpec("Id", elements.build_id, _all(_ELEMENTS, VALUES)),
    StepSpec("Label", elements.build_label, _all(_ELEMENTS, VALUES)),
    StepSpec("ElementMap", maps.build_element_map, _all(_ELEMENTS, VALUES)),
    StepSpec("Properties", maps.build_properties, _all(_RECORDS, VALUES)),
    StepSpec("Fold", folding.build_fold, _all(_ROWS, VALUE)),
    StepSpec("Unfold", folding.build_unfold, {PATHS: NODES, **_all((VALUES, VALUE), VALUES)}),
    StepSpec("Min", folding.build_min, _all(_RECORDS, VALUE)),
    StepSpec("Max", folding.build_max, _all(_RECORDS, VALUE)),
    StepSpec("Mean", folding.build_mean, _all(_RECORDS, VALUE)),
    StepSpec("Is", folding.build_is, _all((VALUES, VALUE), VALUES)),
    StepSpec("Math", arithmetic.build_math, _all(_RECORDS, VALUES)),
    StepSpec("Loops", arithmetic.build_loops, _all(_ROWS, VALUES)),
    StepSpec("Constant", folding.build_constant, _all(_ROWS, VALUES)),
    StepSpec("Identity", folding.build_identity, _same(_ROWS)),
    StepSpec("Aggregate", collecting.build_aggregate, _same(_ROWS), ("Store",)),
    StepSpec("Cap", collecting.build_cap, _same(_ROWS)),
)

STEPS: Final[Mapping[str, StepSpec]] = {name.lower(): spec for spec in _SPECS for name in (spec.name, *spec.aliases)}

_MODULATOR_SPECS: Final = (
    ModulatorSpec("By", _by.read_by),
    ModulatorSpec("Times", repeating.read_times),
    ModulatorSpec("Until", repeating.read_until),
    ModulatorSpec("Emit", repeating.read_emit),
)

MODULATORS: Final[Mapping[str, ModulatorSpec]] = {spec.name.lower(): spec for spec in _MODULATOR_SPECS}
"""What is written like a step and changes the step beside it."""
