// SPDX-License-Identifier: Apache-2.0
// What somebody has to say to make the same capture again. Pure.

import type { CaptureDraft } from "../api/shapes";
import type { CaptureView, Sink } from "../api/types";

/** What the server takes where nothing is said; a copy is not paused. */
const USUAL = {
  Name: "",
  Description: "",
  BPFFilter: "",
  Type: "",
  Port: 0,
  SamplingRate: 1,
  PollingInterval: 10,
  RawPacketLimit: -1,
  HeaderSize: 0,
  ExtraTCPMetric: false,
  IPDefrag: false,
  ReassembleTCP: false,
  LayerKeyMode: "L2",
  ExtraLayers: 0,
  Target: "",
  TargetType: "",
  StopOnUnmatch: true,
  UnmatchGrace: 2000,
  MaxPackets: 0,
  MaxBytes: 0,
  MaxDuration: 0,
} as const satisfies Partial<CaptureView>;

const USUAL_SINK = {
  Target: "",
  Subject: "",
  ID: 0,
  RotateBytes: 0,
  RotatePackets: 0,
  RotateDuration: 0,
  TotalBytes: 2 ** 30,
} as const satisfies Partial<Sink>;

export function definitionOf(capture: CaptureView): CaptureDraft {
  const told = Object.entries(USUAL).filter(([name, usual]) => capture[name as keyof typeof USUAL] !== usual);
  return {
    GremlinQuery: capture.GremlinQuery,
    ...Object.fromEntries(told.map(([name]) => [name, capture[name as keyof typeof USUAL]])),
    FirstPackets: capture.FirstPackets,
    ...(capture.Sinks.length > 0 ? { Sinks: capture.Sinks } : {}),
  };
}

/** As `--sink` takes it. */
export function spelt(sink: Sink): string {
  const told = Object.entries(USUAL_SINK)
    .filter(([name, usual]) => sink[name as keyof typeof USUAL_SINK] !== usual)
    .map(([name]) => `${name}=${sink[name as keyof typeof USUAL_SINK]}`);
  return told.length > 0 ? `${sink.Type}:${told.join(",")}` : sink.Type;
}
