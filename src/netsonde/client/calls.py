# SPDX-License-Identifier: Apache-2.0
"""Every call of the API, one function each. Both clients are these functions and somebody who waits for the answer."""

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, TypeAlias, TypeVar

import msgspec

from netsonde.client.answers import (
    Checked,
    Completions,
    Explanation,
    Identity,
    MetricPoints,
    Packet,
    PacketImport,
    Preview,
    Schema,
    Status,
    Topology,
    WhoAmI,
    WireTopology,
)
from netsonde.client.call import JSON, OR_PROBLEM, Answer, Call, as_json, ask, nothing, query_string, segment, tell
from netsonde.client.fields import ttl_header
from netsonde.client.naming import named
from netsonde.client.query import NodesQuery, Query
from netsonde.client.result import Result
from netsonde.client.topology_file import Batch
from netsonde.errors import UserError
from netsonde.model.captures import CaptureView
from netsonde.model.declared import ElementKind, ImportReport, ImportSummary
from netsonde.model.elements import Edge, Json, Metadata, Node
from netsonde.model.flow_record import Flow

T = TypeVar("T")
AnyQuery: TypeAlias = str | Query[Any]
Captured: TypeAlias = str | NodesQuery
"""Which interfaces a capture is for: a query that gives nodes."""

DOT = "text/vnd.graphviz"
PCAPNG = "application/x-pcapng"


def query(gremlin: AnyQuery, bindings: Mapping[str, Json] | None = None) -> Call[Result]:
    text, bound = _parts(gremlin, bindings)
    kind = gremlin.kind if isinstance(gremlin, Query) else ""
    return tell("/api/topology", _question(text, bound), object).read_by(lambda answer: Result(answer, text, kind))


def run(gremlin: Query[T]) -> Call[tuple[T, Answer]]:
    call = tell("/api/topology", _question(gremlin.text, gremlin.bindings), object)
    return call.read_by(lambda answer: (gremlin.decode(answer.body), answer))


def raw_query(gremlin: AnyQuery, accept: str, bindings: Mapping[str, Json] | None = None) -> Call[bytes]:
    """Return a query whose answer stays as it is sent: DOT, pcap, pcapng or JSON."""
    return tell("/api/topology", _question(*_parts(gremlin, bindings)), object).read_by(_body, accept + OR_PROBLEM)


def check(gremlin: AnyQuery) -> Call[Checked]:
    return tell("/api/query/check", _question(*_parts(gremlin, None)), Checked)


def explain(gremlin: AnyQuery, bindings: Mapping[str, Json] | None, *, profile: bool) -> Call[Explanation]:
    body = _question(*_parts(gremlin, bindings)) | ({"Profile": True} if profile else {})
    return tell("/api/query/explain", body, Explanation)


def complete(text: str, cursor: int) -> Call[Completions]:
    return tell("/api/query/complete", {"GremlinQuery": text, "Cursor": cursor}, Completions)


def schema() -> Call[Schema]:
    return ask("/api/schema", Schema)


def status() -> Call[Status]:
    return ask("/api/status", Status)


def identity() -> Call[Identity]:
    return ask("/api", Identity)


def whoami() -> Call[WhoAmI]:
    return ask("/api/whoami", WhoAmI)


def setting(key: str) -> Call[Json]:
    return Call("GET", f"/api/config/{segment(key)}", as_json(object)).read_by(_json)


def topology() -> Call[Topology]:
    return ask("/api/topology", WireTopology).read_by(lambda answer: as_json(WireTopology)(answer).whole())


def topology_bytes() -> Call[bytes]:
    return ask("/api/topology", object).read_by(_body)


def node_metrics(node_id: str, last: str) -> Call[MetricPoints]:
    return ask(f"/api/node/{segment(node_id)}/metrics", MetricPoints, {"last": last})


def flows(captures: Sequence[str], nodes: Sequence[str], limit: int, sort: str) -> Call[tuple[list[Flow], Answer]]:
    call = ask("/api/flows", list[Flow], {"capture": captures, "node": nodes, "limit": limit, "sort": sort})
    return call.read_by(lambda answer: (as_json(list[Flow])(answer), answer))


def captures() -> Call[list[CaptureView]]:
    return ask("/api/capture", object).read_by(lambda answer: list(as_json(dict[str, CaptureView])(answer).values()))


def capture(uuid: str) -> Call[CaptureView]:
    return ask(f"/api/capture/{segment(uuid)}", CaptureView)


def create_capture(gremlin: Captured, fields: Mapping[str, object], ttl: str) -> Call[CaptureView]:
    return tell("/api/capture", {"GremlinQuery": capture_text(gremlin), **fields}, CaptureView, ttl_header(ttl))


def patch_capture(uuid: str, changes: Mapping[str, object], ttl: str = "") -> Call[CaptureView]:
    headers = {"Content-Type": "application/merge-patch+json", **ttl_header(ttl)}
    path = f"/api/capture/{segment(uuid)}"
    return Call("PATCH", path, as_json(CaptureView), msgspec.json.encode(changes), headers)


def delete_capture(uuid: str) -> Call[None]:
    return Call("DELETE", f"/api/capture/{segment(uuid)}", nothing)


def preview_capture(gremlin: Captured) -> Call[Preview]:
    return tell("/api/capture/preview", {"GremlinQuery": capture_text(gremlin)}, Preview)


def packets(uuid: str, parameters: Mapping[str, object]) -> Call[list[Packet]]:
    return ask(f"/api/capture/{segment(uuid)}/packets", list[Packet], parameters)


def pcapng(uuid: str, parameters: Mapping[str, object]) -> Call[bytes]:
    """Return the call whose answer is a growing pcapng file; with `follow` it ends only when the reader does."""
    return ask(f"/api/capture/{segment(uuid)}/packets", object, parameters).read_by(_body, PCAPNG + OR_PROBLEM)


def nodes() -> Call[list[Node]]:
    return ask("/api/node", object).read_by(lambda answer: list(as_json(dict[str, Node])(answer).values()))


def edges() -> Call[list[Edge]]:
    return ask("/api/edge", object).read_by(lambda answer: list(as_json(dict[str, Edge])(answer).values()))


def node(node_id: str) -> Call[Node]:
    return ask(f"/api/node/{segment(node_id)}", Node)


def edge(edge_id: str) -> Call[Edge]:
    return ask(f"/api/edge/{segment(edge_id)}", Edge)


def create_node(metadata: Metadata, node_id: str, host: str) -> Call[Node]:
    return tell("/api/node", {"ID": node_id, "Host": host, "Metadata": metadata}, Node)


def create_edge(parent: str, child: str, metadata: Metadata, edge_id: str, host: str) -> Call[Edge]:
    body = {"ID": edge_id, "Host": host, "Parent": parent, "Child": child, "Metadata": metadata}
    return tell("/api/edge", body, Edge)


def update_element(kind: ElementKind, element_id: str, changes: Metadata, into: type[T]) -> Call[T]:
    headers = {"Content-Type": "application/merge-patch+json"}
    body = msgspec.json.encode({"Metadata": changes})
    return Call("PATCH", f"/api/{kind}/{segment(element_id)}", as_json(into), body, headers)


def replace_element(kind: ElementKind, element_id: str, metadata: Metadata, into: type[T]) -> Call[T]:
    body = msgspec.json.encode({"Metadata": metadata})
    return Call("PUT", f"/api/{kind}/{segment(element_id)}", as_json(into), body, {"Content-Type": JSON})


def annotations() -> Call[dict[str, Metadata]]:
    return ask("/api/annotation", dict[str, Metadata])


def delete_annotation(node_id: str) -> Call[None]:
    return Call("DELETE", f"/api/annotation/{segment(node_id)}", nothing)


def delete_element(kind: ElementKind, element_id: str) -> Call[None]:
    return Call("DELETE", f"/api/{kind}/{segment(element_id)}", nothing)


def import_batch(name: str, batch: Batch, run: str, *, dry_run: bool) -> Call[ImportReport]:
    path = f"/api/import/{segment(name)}" + query_string({"dry_run": dry_run or None, "run": run})
    return Call("POST", path, as_json(ImportReport), batch.body, {"Content-Type": JSON})


def finish_import(name: str, run: str) -> Call[ImportReport]:
    return Call("POST", f"/api/import/{segment(name)}/finish" + query_string({"run": run}), as_json(ImportReport))


def import_packets(file: BinaryIO, size: int) -> Call[PacketImport]:
    """Return the call that sends a packet file; `size` is in bytes."""
    return Call("POST", "/api/pcap", as_json(PacketImport), file, {"Content-Length": str(size)})


def imports() -> Call[list[ImportSummary]]:
    return ask("/api/import", object).read_by(lambda answer: list(as_json(dict[str, ImportSummary])(answer).values()))


def delete_import(name: str) -> Call[int]:
    call = Call("DELETE", f"/api/import/{segment(name)}", as_json(ImportReport))
    return call.read_by(lambda answer: as_json(ImportReport)(answer).removed)


def both(one: ImportReport, other: ImportReport) -> ImportReport:
    """Return what two batches came to together; the first hundred refusals are kept."""
    return ImportReport(
        added=one.added + other.added,
        updated=one.updated + other.updated,
        unchanged=one.unchanged + other.unchanged,
        waiting=one.waiting + other.waiting,
        removed=one.removed + other.removed,
        refused=one.refused + other.refused,
        refusals=[*one.refusals, *other.refusals][:100],
    )


def named_capture(name: str, found: Sequence[CaptureView]) -> CaptureView:
    """Return the capture with this UUID, this name, or this beginning of a UUID; raises NotFound or UserError."""
    return named(name, found, "capture", "capture")


def capture_text(gremlin: Captured) -> str:
    """Return a query as a capture keeps it: as text, since a definition has no place for bound values."""
    if isinstance(gremlin, str):
        return gremlin
    if gremlin.bindings:
        raise UserError(
            "a capture keeps its query as text, and a value in this one is too long for that",
            hint="filter by fewer values, or by a regular expression",
        )
    return gremlin.text


def _parts(gremlin: AnyQuery, bindings: Mapping[str, Json] | None) -> tuple[str, Mapping[str, Json]]:
    if isinstance(gremlin, Query):
        return gremlin.text, {**gremlin.bindings, **(bindings or {})}
    return gremlin, bindings or {}


def _question(text: str, bindings: Mapping[str, Json]) -> dict[str, object]:
    return {"GremlinQuery": text, **({"Bindings": dict(bindings)} if bindings else {})}


def _body(answer: Answer) -> bytes:
    return answer.body


def _json(answer: Answer) -> Json:
    value: Json = as_json(object)(answer)  # type: ignore[assignment]
    return value
