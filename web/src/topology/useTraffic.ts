// SPDX-License-Identifier: Apache-2.0
// The traffic that lines tell of, read anew at intervals while it is wanted.

import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { interfaceSamples } from "../api/network";
import { now } from "../state/clock";
import type { GraphState } from "../state/graph";
import { place } from "../state/place";
import { useStore } from "../state/store";
import type { Canvas } from "./canvas";
import { linkTraffic, ratesNow, type LinkTraffic } from "./traffic";
import type { View } from "./view";

/** As often as agents report counters, or a little oftener. */
const REFRESH_MS = 5000;
const SILENT: ReadonlyMap<string, LinkTraffic> = new Map();

/** Returns why there is none, null while all is well. */
export function useTraffic(canvas: Canvas | null, view: View, graph: GraphState): Error | null {
  const { rates: wanted, at } = useStore(place);
  const on = wanted === "on" && at === "";
  const { data, error } = useQuery({
    queryKey: ["rates"],
    queryFn: async ({ signal }) => ({ samples: await interfaceSamples(signal), at: now() }),
    enabled: on,
    refetchInterval: REFRESH_MS,
  });
  const traffic = useMemo(
    () => (on && data ? linkTraffic(view, graph, ratesNow(data.samples, graph, data.at)) : SILENT),
    [on, data, view, graph],
  );
  useEffect(() => canvas?.label(traffic), [canvas, traffic]);
  return on ? error : null;
}
