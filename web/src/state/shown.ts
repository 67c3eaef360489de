// SPDX-License-Identifier: Apache-2.0
// The graph that is looked at: the live one, or the network as it was at a moment, read from the history once.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { graphAt } from "../api/network";
import { emptyGraph, reduceGraph, type GraphState } from "./graph";
import { place } from "./place";
import { useSession } from "./session";
import { useStore } from "./store";

export interface Past {
  /** Unix ms. */
  readonly at: number;
  /** null while it is being read for the first time. */
  readonly graph: GraphState | null;
  readonly pending: boolean;
  readonly error: Error | null;
}

/** null = the present is looked at. */
export function usePast(): Past | null {
  const { at } = useStore(place);
  const found = useQuery({
    queryKey: ["past", at],
    queryFn: async ({ signal }) => reduceGraph(emptyGraph, [{ kind: "snapshot", ...(await graphAt(Number(at), signal)) }]),
    enabled: at !== "",
    // What was does not change; one moment of a large network is enough to hold.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    retry: false,
    placeholderData: keepPreviousData,
  });
  if (at === "") return null;
  return { at: Number(at), graph: found.data ?? null, pending: found.isFetching, error: found.error };
}

/** What the map, the search and the inspector show. */
export function useShownGraph(): GraphState {
  const live = useStore(useSession().graph);
  const past = usePast();
  return past ? (past.graph ?? emptyGraph) : live;
}

/** Ids of nodes that have gone since a moment, and how many have come. */
export interface Since {
  readonly gone: ReadonlySet<string>;
  readonly come: number;
}

export const NOTHING_SINCE: Since = { gone: new Set(), come: 0 };

export function useSince(): Since {
  const live = useStore(useSession().graph);
  const graph = usePast()?.graph ?? null;
  return useMemo(() => (graph ? difference(graph, live) : NOTHING_SINCE), [graph, live]);
}

export function difference(before: GraphState, now: GraphState): Since {
  const gone = new Set([...before.nodes.keys()].filter((id) => !now.nodes.has(id)));
  return { gone, come: now.nodes.size - (before.nodes.size - gone.size) };
}
