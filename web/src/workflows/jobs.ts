// SPDX-License-Identifier: Apache-2.0
// How a call of a workflow is shown. Pure.

import type { Job } from "../api/types";
import type { IconName } from "../ui/Icon";

const LOOKS: Readonly<Record<Job["State"], { icon: IconName; tone: string }>> = {
  waiting: { icon: "hourglass", tone: "amber" },
  running: { icon: "dots", tone: "blue" },
  done: { icon: "check", tone: "green" },
  failed: { icon: "alert", tone: "red" },
  stopped: { icon: "stop", tone: "red" },
  cancelled: { icon: "close", tone: "grey" },
  interrupted: { icon: "alert", tone: "amber" },
};

export function lookOf(state: Job["State"]): { icon: IconName; tone: string } {
  return LOOKS[state];
}

export function hasEnded(job: Job): boolean {
  return job.State !== "waiting" && job.State !== "running";
}

/** Milliseconds that it has run, up to now for one that still does; 0 while it waits. */
export function tookMs(job: Job, now: number): number {
  return job.StartedAt > 0 ? Math.max(0, (job.EndedAt || now) - job.StartedAt) : 0;
}
