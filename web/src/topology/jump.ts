// SPDX-License-Identifier: Apache-2.0
// Requests to bring a node into sight, from search to map.

import { Store } from "../state/store";

export const jumps = new Store<{ readonly id: string }>({ id: "" });

export function jumpTo(id: string): void {
  jumps.set({ id });
}
