# SPDX-License-Identifier: Apache-2.0
"""The Python client as one page of the reference documentation, from its signatures and docstrings."""

import inspect
import re
from collections.abc import Iterator

from netsonde.client import P, blocking, injections, query
from netsonde.client import feeds as events
from netsonde.client.alerts import ClientAlerts
from netsonde.client.answers import Explanation, PacketImport, Schema, Status, Topology, WhoAmI
from netsonde.client.captures import ClientCaptures
from netsonde.client.checks import ClientChecks
from netsonde.client.result import Result
from netsonde.client.rules import ClientEdgeRules, ClientNodeRules
from netsonde.client.workflows import ClientWorkflows
from netsonde.model.flow_record import Flow

_INTRODUCTION = """\
# Python client

Generated from the code. [Script with Python](../howto/script-with-python.md) shows it at work.

`from netsonde.client import Client, AsyncClient, G, P`. `AsyncClient` has the methods of `Client`, to be awaited;
`subscribe`, `flow_reports` and every `watch` are entered with `async with` and read with `async for`,
`captures.follow` is read with `async for`. Resources, elements and flows are the structs of `netsonde.model`, with
names in snake case. Captures, checks, alerts and rules are called by their name, their UUID, or the beginning of that.

Every failure is a `UserError` with `message`, `hint`, and for queries `span` and `text`; `explain()` shows it with a
caret. Its kinds: `NoServer` (nothing answers), `Unavailable` (503: try again), `NotFound`, `Conflict`, `Denied`,
`Missing` (the answer is not Netsonde's, or a package is not installed). `Incomplete` is a warning: a host did not
answer in time.
"""
_CHAINS = """\
## Queries

`G` is the graph; each method adds a step. Pairs of key and value may be given in order, `has("ExtID.vm-id", "7")`, or
by name, `has(Type="veth")`. Values are text, numbers, booleans, None, or a test made by `P`; times are what `At`
takes, or a `datetime` with a zone, or a `timedelta` from now. A step is checked as it is added. Steps of the language
that are not listed work under their names in [the language](query-language.md), without a type; `step(name, …)` adds
any. `str(query)` is its text, `query.bindings` the values that were too long for it.
"""
_CLASSES = (
    query.GraphQuery,
    query.NodesQuery,
    query.EdgesQuery,
    query.PathsQuery,
    query.FlowsQuery,
    query.ValuesQuery,
    query.MetricsQuery,
    query.PacketsQuery,
)


def client_page() -> str:
    """Return the page."""
    return "\n".join(
        [
            _INTRODUCTION,
            *_section("Client", blocking.Client, "client."),
            *_section("Captures", ClientCaptures, "client.captures."),
            *_section("Checks", ClientChecks, "client.checks."),
            *_section("Injections", injections.ClientInjections, "client.injections."),
            *_section("Alerts", ClientAlerts, "client.alerts."),
            *_section("Workflows", ClientWorkflows, "client.workflows."),
            *_section("Node rules", ClientNodeRules, "client.rules.nodes."),
            *_section("Edge rules", ClientEdgeRules, "client.rules.edges."),
            _CHAINS,
            *(line for kind in _CLASSES for line in _section(kind.__name__, kind, ".", level=3)),
            *_section("P", P, "P.", level=3),
            *_section("Result", Result, "result."),
            *_structs(
                Topology, Flow, Explanation, Status, Schema, WhoAmI, PacketImport, events.Snapshot, events.FlowReports
            ),
        ]
    )


def _section(title: str, kind: type, prefix: str, level: int = 2) -> Iterator[str]:
    yield f"{'#' * level} {title}\n"
    yield _cell(inspect.getdoc(kind) or "") + "\n"
    yield "| Call | Meaning |\n|---|---|"
    for name, method in sorted(inspect.getmembers(kind, _is_public)):
        if not name.startswith("_") and name not in ("decode", "step"):
            yield f"| `{prefix}{name}{_signature(method)}` | {_cell(inspect.getdoc(method) or '')} |"
    yield ""


def _is_public(member: object) -> bool:
    return inspect.isfunction(member) or isinstance(member, property)


def _signature(method: object) -> str:
    if not inspect.isfunction(method):
        return ""
    parameters = [one for one in inspect.signature(method).parameters.values() if one.name != "self"]
    shown = [str(one.replace(annotation=inspect.Parameter.empty)) for one in parameters]
    first_named = next((at for at, one in enumerate(parameters) if one.kind is one.KEYWORD_ONLY), None)
    if first_named is not None and not any(one.kind is one.VAR_POSITIONAL for one in parameters):
        shown.insert(first_named, "*")
    return f"({', '.join(shown)})"


def _structs(*kinds: type) -> Iterator[str]:
    yield "## Structs\n"
    for kind in kinds:
        members = ", ".join(f"`{name}`" for name in kind.__annotations__)
        yield f"* `{kind.__name__}`: {_cell(inspect.getdoc(kind) or '')} {members}."
    yield ""


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")
