// SPDX-License-Identifier: Apache-2.0
// Alerts in words: when one looks, for how long it is muted, what an expression and a dry run found. Pure.

import type { Json, Rehearsal } from "../api/types";
import { count, dateTime, duration, plural } from "../ui/format";

const EVERY = "duration:";
const HOUR = 3_600_000;
/** The end of the year 9999. */
const FOREVER = 253_402_300_799_999;

export function triggerOf(trigger: string): string {
  return trigger.startsWith(EVERY) ? `every ${trigger.slice(EVERY.length)}` : "at changes";
}

export interface Mute {
  readonly id: string;
  readonly label: string;
  /** Milliseconds. */
  readonly lasts: number;
}

export const MUTES: readonly Mute[] = [
  { id: "hour", label: "for an hour", lasts: HOUR },
  { id: "shift", label: "for 8 hours", lasts: 8 * HOUR },
  { id: "day", label: "for a day", lasts: 24 * HOUR },
  { id: "always", label: "until unmuted", lasts: Number.POSITIVE_INFINITY },
];

/** Unix ms. */
export function muteEnd(id: string, now: number): number {
  const lasts = MUTES.find((one) => one.id === id)?.lasts ?? 0;
  return Math.min(FOREVER, now + lasts);
}

export function mutedFor(until: number, now: number): string {
  return until >= FOREVER ? "muted" : `muted for ${duration(until - now)}`;
}

/** The sentence that a dry run is for. */
export function rehearsed(found: Rehearsal): string {
  const times = found.Fired === 0 ? "not have fired" : found.Fired === 1 ? "have fired once" : `have fired ${count(found.Fired)} times`;
  return `It would ${times}, with ${plural(found.Notices, "notice")}, from ${dateTime(found.Start)} to ${dateTime(found.End)}`;
}

/** As the server judges: what was found is neither nothing nor 0. */
export function held(value: Json): { holds: boolean; words: string } {
  if (Array.isArray(value)) return { holds: value.length > 0, words: plural(value.length, "result") };
  if (typeof value === "object" && value !== null) return { holds: Object.keys(value).length > 0, words: "1 result" };
  return { holds: Boolean(value), words: String(value) };
}

/** The query at a moment (Unix ms), "" for one that does not begin like a query. */
export function asOf(expression: string, at: number): string {
  const rest = /^\s*[Gg]\s*\.([\s\S]*)$/.exec(expression)?.[1];
  return rest === undefined ? "" : `G.At(${at}).${rest}`;
}
