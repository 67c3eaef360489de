# SPDX-License-Identifier: Apache-2.0
"""The page of steps and tests: every line of the registries, as the docstrings of their builders describe them."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from netsonde.query import Kind
from netsonde.query.predicates import PREDICATE_SPECS
from netsonde.query.steps._api import StepSpec
from netsonde.query.steps._registry import MODULATORS, STEPS

_HEAD: Final = """\
# Steps and tests

Every step and test of the query language; [query-language.md](query-language.md) says how they are written and read.
Names may be written in any case. `→` stands between what a step takes and what it gives. The examples run on the
laboratory of the tests: a host `h1` with an uplink `eth0`, an OVS bridge `br0` with ports `p1` and `p2`, veths `v1h`
and `v2h`, and their peers `v1n` and `v2n` in the namespaces `ns1` and `ns2`; flows `f1`, `f2` (a ping) and `f3` (TCP).
"""

_SECTIONS: Final[Sequence[tuple[str, Sequence[str]]]] = (
    ("From the graph", ("graph_sources", "sub_graph")),
    ("Filters", ("filtering", "elements")),
    ("Along edges", ("moving", "hierarchy", "shortest_path")),
    ("Ways", ("paths",)),
    ("Questions and branches", ("branching", "repeating")),
    ("Order and number", ("ordering", "ordering_by")),
    ("Values", ("values", "maps", "folding")),
    ("Groups and tables", ("grouping", "grouping_by")),
    ("Names", ("naming", "collecting")),
    ("The past", ("time_travel", "changes", "diff")),
    ("Flows, counters, packets", ("flows", "flow_ends", "packets", "metrics", "aggregates", "sockets", "next_hops")),
)
"""Headings, and the modules of steps under each; steps of other modules come last."""


def query_page() -> str:
    """Return the page."""
    lines = [_HEAD]
    by_module: dict[str, list[StepSpec]] = {}
    for spec in {spec.name: spec for spec in STEPS.values()}.values():
        by_module.setdefault(_module(spec.build), []).append(spec)
    for title, modules in _SECTIONS:
        lines += _section(title, [spec for module in modules for spec in by_module.pop(module, [])])
    lines += _section("Further steps", [spec for specs in by_module.values() for spec in specs])
    lines += ["## Modulators", "", "Written like a step, they change the step beside them.", ""]
    for modulator in MODULATORS.values():
        lines += _entry(modulator.name, (), _with(modulator.name), modulator.read)
    lines += ["## Tests", "", "They stand where a value can: `Has('MTU', Gt(1500))`. A bare value means equality.", ""]
    for predicate in PREDICATE_SPECS:
        lines += _entry(predicate.name, predicate.aliases, "", predicate.build)
    return "\n".join(lines).rstrip() + "\n"


def _section(title: str, specs: Sequence[StepSpec]) -> Iterable[str]:
    if specs:
        yield from (f"## {title}", "")
    for spec in specs:
        yield from _entry(spec.name, spec.aliases, _kinds(spec.gives), spec.build)


def _entry(name: str, aliases: Sequence[str], more: str, described: Callable[..., object]) -> Iterable[str]:
    also = f", also {', '.join(f'`{alias}`' for alias in aliases)}" if aliases else ""
    yield from (f"### `{name}`{also}", "")
    if more:
        yield from (more, "")
    yield from (inspect.getdoc(described) or "", "")


def _kinds(gives: Mapping[Kind, Kind]) -> str:
    found: dict[str, list[str]] = {}
    for takes, given in gives.items():
        found.setdefault("the same" if takes is given else given.noun, []).append(takes.noun)
    return "; ".join(f"{', '.join(takes)} → {given}" for given, takes in found.items())


def _with(modulator: str) -> str:
    owners = sorted({f"`{spec.name}`" for spec in STEPS.values() if modulator.lower() in spec.modulators})
    return f"with {', '.join(owners)}"


def _module(build: Callable[..., object]) -> str:
    return build.__module__.rpartition(".")[2]
