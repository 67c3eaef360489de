// SPDX-License-Identifier: Apache-2.0
// Elements for tests: only what a test cares about is said.

import type { CaptureView, CheckResult, CheckView, Edge, Json, Node, NodeStatus } from "../src/api/types";
import type { GraphState } from "../src/state/graph";
import { emptyGraph, reduceGraph } from "../src/state/graph";

export function node(id: string, metadata: Record<string, Json> = {}, version: Partial<Node> = {}): Node {
  return {
    ID: id,
    Metadata: { Name: id, Type: "device", ...metadata },
    Host: "h1",
    Origin: "agent.h1",
    CreatedAt: 1000,
    UpdatedAt: 1000,
    DeletedAt: null,
    Revision: 1,
    ...version,
  };
}

export function edge(parent: string, child: string, relation = "ownership", version: Partial<Edge> = {}): Edge {
  return {
    ...node(`${parent}-${relation}-${child}`),
    Metadata: { RelationType: relation },
    Parent: parent,
    Child: child,
    ...version,
  };
}

export function graphOf(nodes: Node[], edges: Edge[] = []): GraphState {
  return reduceGraph(emptyGraph, [{ kind: "snapshot", nodes, edges }]);
}

export function interfaceStatus(nodeId: string, status: Partial<NodeStatus> = {}): NodeStatus {
  return {
    NodeID: nodeId,
    NodeTID: `tid-${nodeId}`,
    Name: nodeId,
    Host: "h1",
    State: "active",
    Reason: "",
    Since: 1000,
    FirstPacketAt: 0,
    LookbackPackets: 0,
    ArmedBeforeUp: true,
    PacketsReceived: 0,
    PacketsDropped: 0,
    BytesReceived: 0,
    PacketsNotKept: 0,
    FlowsEvicted: 0,
    StreamsRefused: 0,
    FragmentsLost: 0,
    ListensOn: "",
    SourceLost: 0,
    SourceRefused: 0,
    Sinks: [],
    ...status,
  };
}

export function capture(uuid: string, part: Partial<CaptureView> = {}): CaptureView {
  return {
    UUID: uuid,
    GremlinQuery: "G.V()",
    BPFFilter: "",
    Name: "",
    Description: "",
    Type: "",
    Port: 0,
    SamplingRate: 1,
    PollingInterval: 10,
    RawPacketLimit: 0,
    Sinks: [],
    HeaderSize: 0,
    ExtraTCPMetric: false,
    IPDefrag: false,
    ReassembleTCP: false,
    LayerKeyMode: "L2",
    ExtraLayers: 0,
    Target: "",
    TargetType: "",
    Paused: false,
    StopOnUnmatch: true,
    UnmatchGrace: 2000,
    FirstPackets: 1000,
    MaxPackets: 0,
    MaxBytes: 0,
    MaxDuration: 0,
    CreatedAt: 1000,
    ExpiresAt: 0,
    Owner: "",
    Count: 0,
    Status: null,
    ...part,
  };
}

export function check(uuid: string, part: Partial<CheckView> = {}): CheckView {
  return {
    UUID: uuid,
    Name: uuid,
    Description: "",
    GremlinQuery: "G.V()",
    Steps: [{ Type: "dhcp", Within: 0, Parameters: {} }],
    Within: 10_000,
    Active: "never",
    FirstPackets: 200,
    Actions: [],
    ActOn: ["fail"],
    CreatedBy: "",
    CreatedAt: 1000,
    RunAt: 1000,
    ExpiresAt: 0,
    Verdicts: { waiting: 0, pass: 0, fail: 0, unknown: 0 },
    Captures: [],
    Interfaces: 0,
    State: "active",
    Reason: "",
    ...part,
  };
}

export function checkResult(nodeId: string, part: Partial<CheckResult> = {}): CheckResult {
  return {
    Check: "k1",
    CheckName: "k1",
    NodeID: nodeId,
    NodeTID: `tid-${nodeId}`,
    NodeName: nodeId,
    Host: "h1",
    CaptureID: "c1",
    StartedAt: 1000,
    RunAt: 1000,
    EndedAt: 2000,
    Verdict: "pass",
    Sentence: "",
    Steps: [],
    ...part,
  };
}
