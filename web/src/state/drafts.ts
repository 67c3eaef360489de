// SPDX-License-Identifier: Apache-2.0
// What is typed in a form and not sent yet: it is still there after a look at another tab, or at a node on the map.

import { Store, useStore } from "./store";

const drafts = new Map<string, Store<unknown>>();

/** Like useState, for as long as nobody forgets it; `change` makes the next value of the last one. */
export function useDraft<T>(
  key: string,
  initial: () => T,
): readonly [value: T, set: (next: T) => void, change: (by: (known: T) => T) => void] {
  const store = draftOf(key, initial);
  return [useStore(store), (next) => store.set(next), (by) => store.set(by(store.get()))];
}

/** Those whose keys begin so: the form was sent, or given up. */
export function forget(prefix: string): void {
  for (const key of drafts.keys()) if (key.startsWith(prefix)) drafts.delete(key);
}

function draftOf<T>(key: string, initial: () => T): Store<T> {
  const known = drafts.get(key);
  if (known) return known as Store<T>;
  const made = new Store(initial());
  drafts.set(key, made);
  return made;
}
