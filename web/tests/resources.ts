// SPDX-License-Identifier: Apache-2.0
// Alerts, workflows and injections for tests: only what a test cares about is said.

import type {
  AlertView,
  InjectionView,
  Job,
  NodeInjection,
  Parameter,
  Totals,
  Transition,
  WorkflowView,
} from "../src/api/types";

export function alert(uuid: string, part: Partial<AlertView> = {}): AlertView {
  return {
    UUID: uuid,
    Name: uuid,
    Description: "",
    Expression: "G.V()",
    Language: "gremlin",
    Trigger: "graph",
    Action: "",
    Actions: [],
    Severity: "warning",
    Labels: {},
    For: 0,
    Hold: "",
    KeepFiring: 0,
    Cooldown: 0,
    MutedUntil: 0,
    CreateTime: "1970-01-01T00:00:01Z",
    CreatedBy: "",
    ExpiresAt: 0,
    State: "inactive",
    Since: 0,
    Summary: "",
    Fired: 0,
    Problem: "",
    Undelivered: [],
    ...part,
  };
}

export function transition(alertId: string, part: Partial<Transition> = {}): Transition {
  return {
    Alert: alertId,
    Name: alertId,
    Number: 1,
    At: 1000,
    State: "firing",
    Previous: "inactive",
    Summary: "",
    ActiveAt: 1000,
    FiredAt: 1000,
    Notified: true,
    NotifiedAt: 1000,
    Owed: false,
    Fingerprint: "",
    ReasonData: null,
    ...part,
  };
}

export function parameter(name: string, part: Partial<Parameter> = {}): Parameter {
  return { Name: name, Description: "", Type: "string", Default: null, Values: [], ...part };
}

export function workflow(uuid: string, part: Partial<WorkflowView> = {}): WorkflowView {
  return {
    UUID: uuid,
    Name: uuid,
    Title: "",
    Abstract: "",
    Description: "",
    Parameters: [],
    Source: "function f() {}",
    Language: "javascript",
    Triggers: [],
    Timeout: 0,
    CreatedAt: 1000,
    CreatedBy: "",
    ExpiresAt: 0,
    Bundled: false,
    ...part,
  };
}

export function job(uuid: string, part: Partial<Job> = {}): Job {
  return {
    UUID: uuid,
    Workflow: "w",
    WorkflowName: "w",
    Host: "h1",
    CreatedAt: 1000,
    StartedAt: 1000,
    EndedAt: 0,
    CalledBy: "alice",
    ActsFor: "alice",
    Params: [],
    State: "running",
    Reason: "",
    Hint: "",
    Progress: 0,
    ProgressText: "",
    Log: [],
    Result: null,
    Withheld: "",
    Cancel: false,
    ...part,
  };
}

export function totals(part: Partial<Totals> = {}): Totals {
  return {
    Sent: 0,
    Octets: 0,
    Received: 0,
    Refused: 0,
    Lost: 0,
    Repeated: 0,
    Failed: 0,
    Late: 0,
    ResultsDropped: 0,
    RTTMin: 0,
    RTTMean: 0,
    RTTMax: 0,
    RTTDeviation: 0,
    ...part,
  };
}

export function injectionOn(nodeId: string, part: Partial<NodeInjection> = {}): NodeInjection {
  return {
    NodeID: nodeId,
    Name: nodeId,
    Host: "h1",
    Source: "10.0.0.1",
    Target: "10.0.0.2",
    State: "running",
    Reason: "",
    Totals: totals(),
    Results: [],
    ...part,
  };
}

export function injection(uuid: string, nodes: NodeInjection[], counted = totals()): InjectionView {
  return {
    UUID: uuid,
    Src: "G.V()",
    Dst: "",
    SrcIP: "",
    DstIP: "",
    SrcMAC: "",
    DstMAC: "",
    SrcPort: 0,
    DstPort: 0,
    Type: "icmp4",
    Payload: "",
    ICMPID: 0,
    Count: 5,
    Interval: 0,
    Mode: "unique",
    IncrementPayload: 0,
    StartTime: "0001-01-01T00:00:00Z",
    Pcap: null,
    TTL: 64,
    Name: "",
    Frame: null,
    Size: 56,
    VLAN: 0,
    VLANPriority: 0,
    DSCP: 0,
    DontFragment: false,
    Timeout: 1000,
    TimeScale: 0,
    Inbound: false,
    DNSName: "",
    DNSType: "A",
    CreatedAt: 1000,
    CreatedBy: "",
    ExpiresAt: 0,
    Status: { Owner: "h1", State: "running", Since: 1000, At: 1000, Reason: "", Totals: counted, Nodes: nodes },
  };
}
