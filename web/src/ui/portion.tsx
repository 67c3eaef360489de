// SPDX-License-Identifier: Apache-2.0
// The beginning of a list that may be very long, and the way to what follows: rows that nobody sees cost as well.

import { useState, type ReactNode } from "react";
import { count } from "./format";

const PORTION = 200;

/** `more` is a button, null when all is shown. */
export function usePortion<T>(all: readonly T[]): { shown: readonly T[]; more: ReactNode } {
  const [most, setMost] = useState(PORTION);
  const left = all.length - most;
  if (left <= 0) return { shown: all, more: null };
  const more = (
    <button type="button" className="link-button" onClick={() => setMost(most + PORTION)}>
      {count(Math.min(left, PORTION))} more of {count(left)}
    </button>
  );
  return { shown: all.slice(0, most), more };
}
