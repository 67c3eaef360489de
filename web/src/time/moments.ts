// SPDX-License-Identifier: Apache-2.0
// Moments of the time bar: how far back it reaches, and moments as a date field spells them. Pure.

const MINUTE = 60_000;

export interface Span {
  readonly label: string;
  /** Milliseconds, as the next. */
  readonly lasts: number;
  /** What a step to the left or right is worth. */
  readonly step: number;
}

export const SPANS: readonly [Span, ...Span[]] = [
  { label: "15 minutes", lasts: 15 * MINUTE, step: 10_000 },
  { label: "hour", lasts: 60 * MINUTE, step: MINUTE },
  { label: "6 hours", lasts: 360 * MINUTE, step: 5 * MINUTE },
  { label: "day", lasts: 1440 * MINUTE, step: 15 * MINUTE },
  { label: "week", lasts: 7 * 1440 * MINUTE, step: 60 * MINUTE },
];

/** The shortest span that reaches back from `now` to `at`; the longest when none does. */
export function spanFor(at: number, now: number): Span {
  return SPANS.find(({ lasts }) => now - at <= lasts) ?? SPANS.at(-1) ?? SPANS[0];
}

/** Local time with seconds, as an input of type datetime-local takes it. */
export function toField(at: number): string {
  const local = new Date(at - new Date(at).getTimezoneOffset() * MINUTE);
  return local.toISOString().slice(0, 19);
}

/** Unix ms, null for what is no moment before `now`. */
export function fromField(text: string, now: number): number | null {
  const at = new Date(text).getTime();
  return Number.isFinite(at) && at > 0 && at < now ? at : null;
}
