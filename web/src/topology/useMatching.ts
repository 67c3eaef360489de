// SPDX-License-Identifier: Apache-2.0
// Follows the map's query of the address, of now or of the moment that is looked at, and marks or hides by it.

import { useEffect } from "react";
import { checkQuery } from "../api/client";
import { place } from "../state/place";
import { useStore } from "../state/store";
import { messageOf } from "../ui/widgets";
import type { Canvas } from "./canvas";
import { asFilter, MatchFeed, matching, OFF, type Found } from "./matching";
import { foundIn } from "./marks";
import type { View } from "./view";

/** Keep `matching` equal to what the query in the address finds. */
export function useMatchFeed(): void {
  const { map: query, at } = useStore(place);
  useEffect(() => {
    if (query === "") return undefined;
    const aborter = new AbortController();
    let feed: MatchFeed | null = null;
    const begin = async (): Promise<void> => {
      const meant = asFilter(query, await checkQuery(query, aborter.signal));
      if (aborter.signal.aborted) return;
      if ("reason" in meant) matching.set({ state: "refused", reason: meant.reason });
      else feed = new MatchFeed({ GremlinFilter: meant.filter, ...timeOf(at) }, (now) => matching.set(now));
    };
    matching.set({ state: "looking" });
    begin().catch((cause: unknown) => {
      if (!aborter.signal.aborted) matching.set({ state: "refused", reason: messageOf(cause) });
    });
    return () => {
      aborter.abort();
      feed?.close();
      matching.set(OFF);
    };
  }, [query, at]);
}

function timeOf(at: string): { Time?: number } {
  return at === "" ? {} : { Time: Number(at) };
}

/** What alone is to be shown; null = everything. */
export function useOnly(): Found | null {
  const now = useStore(matching);
  const { others } = useStore(place);
  return others === "hide" && now.state === "known" ? now.found : null;
}

/** Dim what the query does not find, unless it is hidden. */
export function useEmphasis(canvas: Canvas | null, view: View): void {
  const now = useStore(matching);
  const { others } = useStore(place);
  const found = others === "" && now.state === "known" ? now.found : null;
  useEffect(() => canvas?.emphasise(found && foundIn(view, found)), [canvas, view, found]);
}
