# SPDX-License-Identifier: Apache-2.0
"""The asyncio client: the same as `Client`, to be awaited."""

import asyncio
import secrets
import ssl
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

from netsonde.client import calls
from netsonde.client.answers import (
    Checked,
    Completions,
    Explanation,
    Identity,
    MetricPoints,
    PacketImport,
    Schema,
    Status,
    Topology,
    WhoAmI,
)
from netsonde.client.async_alerts import AsyncClientAlerts
from netsonde.client.async_captures import AsyncClientCaptures
from netsonde.client.async_checks import AsyncClientChecks
from netsonde.client.async_http import AsyncHttp, Carrier
from netsonde.client.async_injections import AsyncClientInjections
from netsonde.client.async_live import AsyncSubscription
from netsonde.client.async_rules import AsyncClientRules
from netsonde.client.async_workflows import AsyncClientWorkflows
from netsonde.client.call import Answer, Call
from netsonde.client.calls import AnyQuery
from netsonde.client.credentials import with_credentials
from netsonde.client.errors import Incomplete
from netsonde.client.feeds import Feed, FlowEvent, FlowFeed, GraphEvent, GraphFeed, graph_filter
from netsonde.client.query import Query
from netsonde.client.result import Result
from netsonde.client.server import server_at
from netsonde.client.topology_file import import_batches
from netsonde.model.declared import ImportReport, ImportSummary
from netsonde.model.elements import Edge, Element, Json, Metadata, Node
from netsonde.model.flow_record import Flow

T = TypeVar("T")


class AsyncClient:
    """One server. `url` is NETSONDE_URL or this machine's when it is not given; `timeout` is in seconds.

    `headers` go with every request, for a proxy that asks who is there; `context` says whom to trust in TLS;
    `carrier` is something else than HTTP that carries calls, and says itself for whom.
    Every failure is a `netsonde.errors.UserError` with a message, a hint and, in a query, a place.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        timeout: float = 60.0,
        headers: Mapping[str, str] | None = None,
        context: ssl.SSLContext | None = None,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        carrier: Carrier | None = None,
    ) -> None:
        self.server = server_at(url)
        self.captures = AsyncClientCaptures(self)
        self.checks = AsyncClientChecks(self)
        self.injections = AsyncClientInjections(self)
        self.alerts = AsyncClientAlerts(self)
        self.workflows = AsyncClientWorkflows(self)
        self.rules = AsyncClientRules(self)
        self._timeout = timeout
        self._headers = dict(headers or {})
        if carrier is None:  # whoever carries calls says who asks: a confined script has no home with logins
            self._headers = with_credentials(headers, self.server, token=token, username=username, password=password)
        self._context = context
        self._http = carrier or AsyncHttp(self.server, timeout, self._headers, context)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give its connections back."""
        await self._http.close()

    async def query(self, gremlin: AnyQuery, bindings: Mapping[str, Json] | None = None) -> Result:
        """Run a query; `bindings` are the values of its `$names`."""
        return await self.send(calls.query(gremlin, bindings))

    async def run(self, gremlin: Query[T]) -> T:
        """Run a query made with `G`; returns what it gives. An answer that lacks something warns with Incomplete."""
        found, answer = await self.send(calls.run(gremlin))
        _warn(answer)
        return found

    async def dot(self, gremlin: AnyQuery) -> str:
        """Return a graph in the language of Graphviz."""
        return (await self.send(calls.raw_query(gremlin, calls.DOT))).decode()

    async def pcapng(self, gremlin: AnyQuery) -> bytes:
        """Return the packets of a query that ends in RawPackets() as a pcapng file."""
        return await self.send(calls.raw_query(gremlin, calls.PCAPNG))

    async def check(self, gremlin: AnyQuery) -> Checked:
        """Parse a query without running it."""
        return await self.send(calls.check(gremlin))

    async def explain(
        self, gremlin: AnyQuery, bindings: Mapping[str, Json] | None = None, *, profile: bool = False
    ) -> Explanation:
        """Say how a query runs and why it finds nothing; with `profile` run it and count rows and time of each step."""
        return await self.send(calls.explain(gremlin, bindings, profile=profile))

    async def complete(self, text: str, cursor: int) -> Completions:
        """Return what may stand at a place of an unfinished query, counted in characters."""
        return await self.send(calls.complete(text, cursor))

    async def schema(self) -> Schema:
        """Return every step of the language and every known key."""
        return await self.send(calls.schema())

    async def status(self) -> Status:
        return await self.send(calls.status())

    async def identity(self) -> Identity:
        """Say who answers."""
        return await self.send(calls.identity())

    async def whoami(self) -> WhoAmI:
        """Say for whom the server takes this client, and what that user may do."""
        return await self.send(calls.whoami())

    async def setting(self, key: str = "") -> Json:
        """Return a setting of the analyzer by its dotted key, or a table of them; no secrets. None = there is none."""
        return await self.send(calls.setting(key))

    async def topology(self) -> Topology:
        """Return the whole live graph."""
        return await self.send(calls.topology())

    async def nodes(self) -> list[Node]:
        return await self.send(calls.nodes())

    async def edges(self) -> list[Edge]:
        """Return every edge, those of yours that wait for an end among them."""
        return await self.send(calls.edges())

    async def node(self, node_id: str) -> Node:
        return await self.send(calls.node(node_id))

    async def edge(self, edge_id: str) -> Edge:
        """Return an edge; one of yours may wait for its ends."""
        return await self.send(calls.edge(edge_id))

    async def create_node(self, metadata: Metadata, *, node_id: str = "", host: str = "") -> Node:
        """Create a node of your own; `metadata` needs Name and Type. Without an id it gets a new one."""
        return await self.send(calls.create_node(metadata, node_id, host))

    async def create_edge(
        self, parent: str, child: str, metadata: Metadata, *, edge_id: str = "", host: str = ""
    ) -> Edge:
        """Create an edge of your own between two ids; `metadata` needs RelationType. It waits for missing ends."""
        return await self.send(calls.create_edge(parent, child, metadata, edge_id, host))

    async def update_node(self, node_id: str, changes: Metadata) -> Node:
        """Merge changes into the metadata of a node, None = remove; on a probe's node they lie above what it says."""
        return await self.send(calls.update_element("node", node_id, changes, Node))

    async def update_edge(self, edge_id: str, changes: Metadata) -> Edge:
        """Merge changes into the metadata of an edge of your own, None = remove."""
        return await self.send(calls.update_element("edge", edge_id, changes, Edge))

    async def replace_node(self, node_id: str, metadata: Metadata) -> Node:
        """Give a node this metadata instead of what it has; a probe's node keeps what the probe says."""
        return await self.send(calls.replace_element("node", node_id, metadata, Node))

    async def replace_edge(self, edge_id: str, metadata: Metadata) -> Edge:
        """Give an edge of your own this metadata instead of what it has."""
        return await self.send(calls.replace_element("edge", edge_id, metadata, Edge))

    async def annotations(self) -> dict[str, Metadata]:
        """Return what users say of nodes that probes show, by the node's id."""
        return await self.send(calls.annotations())

    async def delete_annotation(self, node_id: str) -> None:
        """Take back what users say of a node that a probe shows."""
        await self.send(calls.delete_annotation(node_id))

    async def delete_node(self, node_id: str) -> None:
        """Delete a node of your own, with your edges at it."""
        await self.send(calls.delete_element("node", node_id))

    async def delete_edge(self, edge_id: str) -> None:
        await self.send(calls.delete_element("edge", edge_id))

    async def import_topology(
        self,
        source: BinaryIO | Iterable[Element],
        name: str,
        *,
        dry_run: bool = False,
        replace: bool = False,
        progress: Callable[[ImportReport], None] | None = None,
    ) -> ImportReport:
        """Bring elements in, or a file of `netsonde topology export` or Skydive's; again changes nothing.

        Each element is taken as a whole or refused with a reason, told in the report. `replace` then deletes what the
        import `name` had before and the source has not. `progress` gets the report so far after each batch.
        """
        report, run = ImportReport(), secrets.token_hex(8) if replace and not dry_run else ""
        batches = import_batches(source)
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            report = calls.both(report, await self.send(calls.import_batch(name, batch, run, dry_run=dry_run)))
            if progress is not None:
                progress(report)
        return calls.both(report, await self.send(calls.finish_import(name, run))) if run else report

    async def import_packets(self, file: BinaryIO, size: int) -> PacketImport:
        """Meter a pcap or pcapng file of so many bytes, plain or gzip, into history."""
        return await self.send(calls.import_packets(file, size))

    async def imports(self) -> list[ImportSummary]:
        return await self.send(calls.imports())

    async def delete_import(self, name: str) -> int:
        """Take an import back; returns how many elements it had."""
        return await self.send(calls.delete_import(name))

    async def node_metrics(self, node_id: str, last: str = "300s") -> MetricPoints:
        """Return the counters of an interface over the last time, such as 300s or 1h30m."""
        return await self.send(calls.node_metrics(node_id, last))

    async def flows(
        self, *, captures: Sequence[str] = (), nodes: Sequence[str] = (), limit: int = 1000, sort: str = "-Last"
    ) -> list[Flow]:
        """Return flows of captures (UUIDs) and interfaces (TIDs); a leading - sorts the largest first."""
        found, answer = await self.send(calls.flows(captures, nodes, limit, sort))
        _warn(answer)
        return found

    def subscribe(self, gremlin: AnyQuery | None = None, *, reconnect: bool = True) -> AsyncSubscription[GraphEvent]:
        """Follow the graph, or what a query gives of it: a Snapshot, then each change. Use it in a with block."""
        return self.live(GraphFeed(graph_filter(gremlin)), reconnect=reconnect)

    def flow_reports(self, *captures: str, reconnect: bool = True) -> AsyncSubscription[FlowEvent]:
        """Follow flows as agents report them, of all captures or of those with these UUIDs."""
        return self.live(FlowFeed(captures), reconnect=reconnect)

    def live(self, feed: Feed[T], *, reconnect: bool = True) -> AsyncSubscription[T]:
        """Follow any feed."""
        return AsyncSubscription(
            self.server,
            feed,
            headers=self._headers,
            context=self._context,
            timeout=self._timeout,
            reconnect=reconnect,
        )

    async def send(self, call: Call[T]) -> T:
        """Make any call."""
        return await self._http.send(call)

    def stream(self, call: Call[Any], timeout: float | None = None) -> AsyncIterator[bytes]:
        """Yield the body of any call's answer as it arrives."""
        return self._http.stream(call, timeout)


def _warn(answer: Answer) -> None:
    if notes := answer.notes():
        warnings.warn("; ".join(notes), Incomplete, stacklevel=3)
