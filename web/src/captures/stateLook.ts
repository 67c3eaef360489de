// SPDX-License-Identifier: Apache-2.0
// How the state of a capture is shown and put into words.

import type { CaptureView } from "../api/types";
import type { IconName } from "../ui/Icon";
import { plural } from "../ui/format";

export type CaptureStateName = NonNullable<CaptureView["Status"]>["State"];
export type Tone = "amber" | "blue" | "green" | "split" | "red" | "grey";

interface Look {
  readonly icon: IconName;
  readonly tone: Tone;
}

export const LOOKS: Readonly<Record<CaptureStateName, Look>> = {
  waiting: { icon: "hourglass", tone: "amber" },
  starting: { icon: "dots", tone: "blue" },
  active: { icon: "record", tone: "green" },
  partial: { icon: "alert", tone: "split" },
  failed: { icon: "alert", tone: "red" },
  paused: { icon: "pause", tone: "grey" },
  finished: { icon: "check", tone: "grey" },
};

export function stateOf(capture: CaptureView): CaptureStateName {
  if (capture.Status) return capture.Status.State;
  return capture.Paused ? "paused" : "waiting";
}

type Status = NonNullable<CaptureView["Status"]>;

const NO_STATUS: Status = {
  State: "waiting",
  Since: 0,
  Reason: "",
  Matching: 0,
  Capturable: 0,
  Active: 0,
  Failed: 0,
  Nodes: [],
};

const SENTENCES: Readonly<Record<CaptureStateName, (status: Status) => string>> = {
  waiting: ({ Reason }) => `${Reason || "no node matches"}; it starts by itself as soon as an interface does`,
  starting: ({ Reason, Capturable }) => Reason || `opening ${plural(Capturable, "interface")}`,
  active: ({ Active }) => `capturing on ${plural(Active, "interface")}`,
  partial: ({ Reason, Active, Failed }) => `${Reason || "some interfaces failed"} (${Active} active, ${Failed} failed)`,
  failed: ({ Reason }) => Reason || "no interface could be opened",
  paused: ({ Reason }) => Reason || "paused; what was kept can still be read",
  finished: ({ Reason }) => Reason || "its limit is reached; what was kept can still be read",
};

/** One sentence on what the capture does now and why. */
export function sentence(capture: CaptureView): string {
  return SENTENCES[stateOf(capture)](capture.Status ?? NO_STATUS);
}

export interface Totals {
  packets: number;
  bytes: number;
  dropped: number;
  lookback: number;
}

export function totals(capture: CaptureView): Totals {
  const sum: Totals = { packets: 0, bytes: 0, dropped: 0, lookback: 0 };
  for (const node of capture.Status?.Nodes ?? []) {
    sum.packets += node.PacketsReceived;
    sum.bytes += node.BytesReceived;
    sum.dropped += node.PacketsDropped;
    sum.lookback += node.LookbackPackets;
  }
  return sum;
}

export function titleOf(capture: CaptureView): string {
  return capture.Name || capture.GremlinQuery;
}
