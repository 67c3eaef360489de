// SPDX-License-Identifier: Apache-2.0
// What can be done with all nodes that are chosen.

import { useEffect } from "react";
import { captureAll } from "../captures/draft";
import { useRefusal } from "../state/access";
import { go } from "../state/place";
import { useShownGraph } from "../state/shown";
import { useStore } from "../state/store";
import { plural } from "../ui/format";
import { isTyping } from "../ui/typing";
import { Button, IconButton } from "../ui/widgets";
import { capturable, chooseNone, chosenIn, isPinned, pins, selection, togglePins } from "./selection";

interface Props {
  /** Open or close the groups among these nodes; to close, of others the groups around them. */
  onGroups: (ids: ReadonlySet<string>, open: boolean) => void;
}

export function SelectionBar({ onGroups }: Props) {
  const graph = useShownGraph();
  const ids = useStore(selection);
  useStore(pins);
  const refusal = useRefusal("capture write");
  useEffect(() => {
    const escape = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && !isTyping(event)) chooseNone();
    };
    window.addEventListener("keydown", escape);
    return () => window.removeEventListener("keydown", escape);
  }, []);
  const nodes = chosenIn(graph, ids);
  if (nodes.length === 0) return null;
  const able = capturable(nodes);
  const pinned = isPinned(ids);
  return (
    <div className="selection-bar" role="toolbar" aria-label="Chosen nodes" data-testid="selection-bar">
      <strong aria-live="polite">{plural(nodes.length, "node")} chosen</strong>
      <Button
        icon="record"
        disabled={able.length === 0 || refusal !== ""}
        title={refusal || (able.length < nodes.length ? `${able.length} of them can be captured` : "One capture of all")}
        onClick={() => {
          captureAll(able);
          go({ tab: "captures", view: "" });
        }}
      >
        Capture
      </Button>
      <IconButton icon="expand" label="Open the groups among them" onClick={() => onGroups(ids, true)} />
      <IconButton icon="collapse" label="Close the groups around them" onClick={() => onGroups(ids, false)} />
      <IconButton
        icon="pin"
        label="Keep them where they are"
        aria-pressed={pinned}
        onClick={() => togglePins(ids)}
      />
      <IconButton icon="close" label="Choose none" onClick={chooseNone} />
    </div>
  );
}
