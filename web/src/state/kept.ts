// SPDX-License-Identifier: Apache-2.0
// A value that the browser keeps between visits. Whatever else is in its storage counts as nothing.

import { onKeptElsewhere, storage as browsers, type Keeping } from "./storage";
import { Store } from "./store";

/** Two tabs have the same value: what one keeps, the other has before it adds to it. */
export class Kept<T> extends Store<T> {
  /** `understood` makes a value of whatever was kept; it throws, or repairs, what is not ours. */
  constructor(
    private readonly key: string,
    understood: (kept: unknown) => T,
    nothing: T,
    private readonly storage: Keeping = browsers,
  ) {
    super(read(key, understood, nothing, storage));
    onKeptElsewhere(key, () => this.set(read(key, understood, nothing, storage)));
  }

  keep(value: T, asJson: (value: T) => unknown = (plain) => plain): void {
    this.set(value);
    try {
      this.storage.setItem(this.key, JSON.stringify(asJson(value)));
    } catch {
      // A full or forbidden storage only costs what another visit would begin with.
    }
  }
}

/** The texts of a list, at most so many. */
export function texts(kept: unknown, most: number): string[] {
  return Array.isArray(kept) ? kept.filter((one): one is string => typeof one === "string").slice(0, most) : [];
}

function read<T>(key: string, understood: (kept: unknown) => T, nothing: T, storage: Keeping): T {
  try {
    const kept = storage.getItem(key);
    return kept === null ? nothing : understood(JSON.parse(kept));
  } catch {
    return nothing;
  }
}
