// SPDX-License-Identifier: Apache-2.0
// Answers whose shape the server does not publish as a struct, and those that older servers give in part.

import type { CaptureView, CheckStep, CheckView, Json } from "./types";

export interface FlowMetric {
  ABPackets: number;
  ABBytes: number;
  BAPackets: number;
  BABytes: number;
  Start: number;
  Last: number;
  /** Nanoseconds. */
  RTT?: number;
}

export interface FlowEnds {
  Protocol: string;
  A: string | number;
  B: string | number;
  ID: number;
}

/** A flow in the reference's JSON shape; what is not named here is shown as it came. */
export interface Flow {
  UUID: string;
  LayersPath?: string;
  Application?: string;
  /** Unix ms. */
  Start: number;
  Last: number;
  Link?: FlowEnds;
  Network?: FlowEnds;
  Transport?: FlowEnds;
  ICMP?: { Type: string; Code?: number; ID?: number };
  Metric?: FlowMetric;
  NodeTID?: string;
  CaptureID?: string;
  TrackingID?: string;
  FinishType?: number | string;
  [key: string]: unknown;
}

export interface DecodedPacket {
  Number: number;
  /** Unix nanoseconds, more than a double holds exactly: only to the microsecond. */
  Time: number;
  Source: string;
  Destination: string;
  Protocol: string;
  Info: string;
  Length: number;
  NodeTID?: string;
  FlowUUID?: string;
  /** Base64. */
  Data?: string;
}

export type CaptureDraft = Pick<CaptureView, "GremlinQuery"> & Partial<Omit<CaptureView, "UUID" | "Count" | "Status" | "Owner">>;

export interface CheckDraft {
  Name: string;
  GremlinQuery: string;
  /** Milliseconds after an interface's appearance. */
  Within: number;
  Active: CheckView["Active"];
  Steps: CheckStep[];
}

/** Rows, and the hosts that did not answer, whose rows are therefore missing. */
export interface Gathered<T> {
  readonly rows: readonly T[];
  readonly missingHosts: readonly string[];
}

/** What a query gave, with what is known to be missing from it. */
export interface QueryAnswer {
  readonly value: Json;
  readonly octets: number;
  readonly missingHosts: readonly string[];
  readonly truncated: boolean;
  /** What else is missing, and why, such as a switch that could not be asked. */
  readonly notes: readonly string[];
}

/** How a query runs, and why it finds nothing; a server tells what it knows. */
export interface Explanation {
  Reason?: string;
  Hint?: string;
  Span?: number[] | null;
  Gives?: string;
  Reads?: Record<string, string[]>;
  Steps?: ExplainedStep[];
  Rows?: number;
  Milliseconds?: number;
}

export interface ExplainedStep {
  Step: string;
  Takes: string;
  Gives: string;
  Index?: string | null;
  Rows?: number;
  Milliseconds?: number;
}
