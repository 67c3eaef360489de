// SPDX-License-Identifier: Apache-2.0
// What the browser keeps between visits; where it does not (a full storage, a forbidden one), until the page is left.

export type Keeping = Pick<Storage, "getItem" | "setItem">;

const forgotten = new Map<string, string>();

/** Even to name the browser's storage fails where it is forbidden, so that is tried at each use. */
export const storage: Keeping = {
  getItem(key) {
    try {
      return forgotten.get(key) ?? window.localStorage.getItem(key);
    } catch {
      return null;
    }
  },
  setItem(key, value) {
    try {
      window.localStorage.setItem(key, value);
      forgotten.delete(key);
    } catch {
      forgotten.set(key, value);
    }
  },
};

/** Hear that another tab keeps something else under a key. */
export function onKeptElsewhere(key: string, hear: () => void): void {
  // null: the storage was emptied.
  window.addEventListener("storage", (event) => {
    if (event.key === key || event.key === null) hear();
  });
}
