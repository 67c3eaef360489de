// SPDX-License-Identifier: Apache-2.0
// What the map marks, gathered from all who want something marked.

import { useEffect, useMemo } from "react";
import { draft, matches } from "../captures/draft";
import { captureOnNodes } from "../state/captures";
import { parseLink } from "../state/link";
import { place } from "../state/place";
import { useSession } from "../state/session";
import { usePast, useSince } from "../state/shown";
import { useStore } from "../state/store";
import type { Canvas } from "./canvas";
import { noMarks } from "./marks";
import { picked as held } from "./picking";
import { pins, selection } from "./selection";

export function useMarks(canvas: Canvas | null): void {
  const captures = useStore(useSession().captures);
  const { node: selected, link: chosen } = useStore(place);
  const { picks, open, mode } = useStore(draft);
  const matched = useStore(matches);
  const ids = useStore(held);
  const { gone } = useSince();
  const others = useStore(selection);
  const pinned = useStore(pins);
  const live = usePast() === null;
  const link = useMemo(() => parseLink(chosen).edges, [chosen]);
  // What captures do now says nothing of another time.
  const onNodes = useMemo(() => (live ? captureOnNodes(captures) : noMarks.captures), [captures, live]);
  useEffect(() => {
    const picked = [...(open && mode === "pick" ? picks.filter((id) => id !== null) : []), ...ids];
    canvas?.mark({ selected, chosen: others, pinned, picked, matched, link, gone, captures: onNodes });
  }, [canvas, selected, others, pinned, picks, open, mode, matched, ids, link, gone, onNodes]);
}
