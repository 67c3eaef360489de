// SPDX-License-Identifier: Apache-2.0
// Messages of the subscriber socket, decoded from text and checked before anybody else sees them.

import type { AlertView, CaptureView, CheckView, Edge, InjectionView, Json, Node, Transition, WorkflowView } from "../api/types";
import type { Change, Resource } from "../state/listing";

/** One change of an element's metadata: 1 sets a dotted key, 2 deletes it. */
export interface PartialOp {
  Type: 1 | 2;
  Key: string;
  Value?: Json;
}

export interface PartialUpdate {
  ID: string;
  UpdatedAt: number;
  Revision: number;
  Ops: PartialOp[];
}

export type GraphMessage =
  | { type: "NodeAdded" | "NodeUpdated" | "NodeDeleted"; node: Node }
  | { type: "EdgeAdded" | "EdgeUpdated" | "EdgeDeleted"; edge: Edge }
  | { type: "NodePartiallyUpdated" | "EdgePartiallyUpdated"; update: PartialUpdate };

export type CaptureMessage = Change<CaptureView>;

export type CheckMessage =
  | Change<CheckView>
  /** A result of the check with this UUID was found, or changed. */
  | { type: "Result"; uuid: string };

export type AlertMessage =
  | Change<AlertView>
  /** The alert went on to another state, or tells more of the same. */
  | { type: "Transition"; transition: Transition };

export type WorkflowMessage =
  | Change<WorkflowView>
  /** The call with this UUID is somewhere else than it was. */
  | { type: "Job"; uuid: string };

export type InjectionMessage = Change<InjectionView>;

export type Message =
  | { kind: "snapshot"; nodes: Node[]; edges: Edge[] }
  /** The server goes on where the last connection ended: what is known stays, what was missed follows. */
  | { kind: "resumed" }
  | { kind: "refused"; reason: string }
  | { kind: "graph"; change: GraphMessage }
  | { kind: "capture"; change: CaptureMessage }
  | { kind: "check"; change: CheckMessage }
  | { kind: "alert"; change: AlertMessage }
  | { kind: "injection"; change: InjectionMessage }
  | { kind: "workflow"; change: WorkflowMessage };

type Loose = Record<string, unknown>;

export interface Received {
  /** null for one that this page has no use for. */
  message: Message | null;
  /** Its number, null when it has none. */
  seq: number | null;
  /** The session that the numbers belong to, in messages that begin or resume one. */
  session: string | null;
}

/** Return what is in `text`; numbers count also messages that this page has no use for. */
export function receive(text: string): Received {
  let envelope: unknown;
  try {
    envelope = JSON.parse(text);
  } catch {
    envelope = null;
  }
  if (!isObject(envelope)) return { message: null, seq: null, session: null };
  const { Seq: seq, Session: session } = envelope;
  return {
    message: decodeEnvelope(envelope),
    seq: typeof seq === "number" ? seq : null,
    session: typeof session === "string" ? session : null,
  };
}

function decodeEnvelope(envelope: Loose): Message | null {
  switch (envelope["Namespace"]) {
    case "Graph":
      return envelope["Type"] === "Resume" ? { kind: "resumed" } : decodeGraph(envelope);
    case "Capture":
      return decodeCapture(envelope);
    case "Check":
      return decodeCheck(envelope);
    case "AlertStatus":
      return decodeAlert(envelope);
    case "OnDemandPacketInjectionNotification":
      return decodeInjection(envelope);
    case "Workflow":
      return decodeWorkflow(envelope);
    default:
      return null;
  }
}

function decodeGraph(envelope: Loose): Message | null {
  const { Type: type, Obj: body } = envelope;
  if (type === "SyncReply") return decodeSnapshot(envelope["Status"], body);
  if (!isObject(body) || typeof body["ID"] !== "string") return null;
  switch (type) {
    case "NodeAdded":
    case "NodeUpdated":
    case "NodeDeleted":
      return { kind: "graph", change: { type, node: withMetadata(body) as unknown as Node } };
    case "EdgeAdded":
    case "EdgeUpdated":
    case "EdgeDeleted":
      return { kind: "graph", change: { type, edge: withMetadata(body) as unknown as Edge } };
    case "NodePartiallyUpdated":
    case "EdgePartiallyUpdated":
      return { kind: "graph", change: { type, update: partialUpdate(body, body["ID"]) } };
    default:
      return null;
  }
}

function decodeSnapshot(status: unknown, body: unknown): Message {
  if ((typeof status === "number" && status >= 400) || !isObject(body)) {
    return { kind: "refused", reason: typeof body === "string" ? body : "the server sent no graph" };
  }
  return {
    kind: "snapshot",
    nodes: elements(body["Nodes"]) as unknown as Node[],
    edges: elements(body["Edges"]) as unknown as Edge[],
  };
}

function decodeCapture(envelope: Loose): Message | null {
  const change = changeOf<CaptureView>(envelope["Type"], envelope["Obj"]);
  return change && { kind: "capture", change };
}

function decodeCheck(envelope: Loose): Message | null {
  const { Type: type, Obj: body } = envelope;
  if (type === "Result") {
    return isObject(body) && typeof body["Check"] === "string" ? { kind: "check", change: { type, uuid: body["Check"] } } : null;
  }
  const change = changeOf<CheckView>(type, body);
  return change && { kind: "check", change };
}

function decodeAlert(envelope: Loose): Message | null {
  const { Type: type, Obj: body } = envelope;
  if (type === "Transition") {
    if (!isObject(body) || typeof body["Alert"] !== "string") return null;
    return { kind: "alert", change: { type, transition: body as unknown as Transition } };
  }
  const change = changeOf<AlertView>(type, body);
  return change && { kind: "alert", change };
}

/** The reference's namespace, whose word for a change is its own. */
function decodeInjection(envelope: Loose): Message | null {
  const given = envelope["Type"];
  const change = changeOf<InjectionView>(given === "NodeUpdated" ? "Updated" : given, envelope["Obj"]);
  return change && { kind: "injection", change };
}

function decodeWorkflow(envelope: Loose): Message | null {
  const { Type: type, Obj: body } = envelope;
  if (type === "Job") {
    if (!isObject(body) || typeof body["UUID"] !== "string") return null;
    return { kind: "workflow", change: { type, uuid: body["UUID"] } };
  }
  const change = changeOf<WorkflowView>(type, body);
  return change && { kind: "workflow", change };
}

function changeOf<T extends Resource>(type: unknown, body: unknown): Change<T> | null {
  if (type !== "Added" && type !== "Updated" && type !== "Deleted") return null;
  if (!isObject(body) || typeof body["UUID"] !== "string") return null;
  return { type, view: body as unknown as T };
}

/** Some servers send `null` for "no operations". */
function partialUpdate(body: Loose, id: string): PartialUpdate {
  const ops = Array.isArray(body["Ops"]) ? (body["Ops"] as PartialOp[]) : [];
  return { ID: id, UpdatedAt: Number(body["UpdatedAt"] ?? 0), Revision: Number(body["Revision"] ?? 0), Ops: ops };
}

function elements(list: unknown): Loose[] {
  if (!Array.isArray(list)) return [];
  return list.filter((item): item is Loose => isObject(item) && typeof item["ID"] === "string").map(withMetadata);
}

function withMetadata(element: Loose): Loose {
  return isObject(element["Metadata"]) ? element : { ...element, Metadata: {} };
}

function isObject(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
