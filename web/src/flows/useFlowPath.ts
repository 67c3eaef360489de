// SPDX-License-Identifier: Apache-2.0
// The interfaces that saw the chosen flow, ringed on the map: the way of its packets.

import { useQuery } from "@tanstack/react-query";
import { interfacesOf } from "../api/network";
import { place } from "../state/place";
import { useStore } from "../state/store";
import { useRings } from "../topology/picking";
import type { FlowRow } from "./rows";

const NOWHERE: readonly string[] = [];

/** Returns their ids; none while no flow is chosen, or until they are known. */
export function useFlowPath(flow: FlowRow | undefined): readonly string[] {
  const { at } = useStore(place);
  const id = flow?.flow.TrackingID ?? "";
  const found = useQuery({
    queryKey: ["flow-path", id, at],
    queryFn: ({ signal }) => interfacesOf(id, at, signal),
    enabled: id !== "",
    retry: false,
  });
  const path = id === "" ? NOWHERE : (found.data ?? NOWHERE);
  useRings(path);
  return path;
}
