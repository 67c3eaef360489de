// SPDX-License-Identifier: Apache-2.0
// Resources of one kind as the page knows them: the list read once per connection, then what the server pushes.

export interface Resource {
  readonly UUID: string;
}

export interface Change<T extends Resource> {
  readonly type: "Added" | "Updated" | "Deleted";
  readonly view: T;
}

export interface Listing<T extends Resource> {
  readonly byId: ReadonlyMap<string, T>;
  /** False until the list was read once. */
  readonly loaded: boolean;
  /** Pushes that arrived while the list is being read (they are newer than it); null while it is not. */
  readonly meanwhile: readonly Change<T>[] | null;
}

export function nothing<T extends Resource>(): Listing<T> {
  return { byId: new Map(), loaded: false, meanwhile: null };
}

/** The list is about to be read: what is pushed from now on wins over it. */
export function requested<T extends Resource>(state: Listing<T>): Listing<T> {
  return { ...state, meanwhile: [] };
}

export function received<T extends Resource>(state: Listing<T>, list: readonly T[]): Listing<T> {
  const byId = new Map(list.map((view) => [view.UUID, view]));
  return changed({ byId, loaded: true, meanwhile: null }, state.meanwhile ?? []);
}

/** The list could not be read: pushes are taken as they come, and not kept for it. */
export function unread<T extends Resource>(state: Listing<T>): Listing<T> {
  return { ...state, meanwhile: null };
}

export function changed<T extends Resource>(state: Listing<T>, changes: readonly Change<T>[]): Listing<T> {
  if (changes.length === 0) return state;
  const byId = new Map(state.byId);
  for (const { type, view } of changes) {
    if (type === "Deleted") byId.delete(view.UUID);
    else byId.set(view.UUID, view);
  }
  return { ...state, byId, meanwhile: state.meanwhile && [...state.meanwhile, ...changes] };
}
