// SPDX-License-Identifier: Apache-2.0
// The server's time: what it tells of happened by its clock, and until when something is to last is judged by that too.

/** Milliseconds by which it is ahead of the browser's; of clocks as near as its answers can tell, 0. */
let ahead = 0;

/** A date of HTTP has whole seconds. */
const RESOLUTION_MS = 1000;
/** Below this nobody is misled, and nothing on the page moves about. */
const NEAR_MS = 2000;

/** Unix ms. */
export function now(): number {
  return Date.now() + ahead;
}

/** Learn the time from the header `Date` of an answer that was asked for and came at these moments (Unix ms). */
export function setBy(date: string | null, asked: number, came: number): void {
  const told = Date.parse(date ?? "");
  if (Number.isNaN(told)) return;
  const difference = told + RESOLUTION_MS / 2 - (asked + came) / 2;
  ahead = Math.abs(difference) < NEAR_MS + (came - asked) / 2 ? 0 : Math.round(difference);
}
