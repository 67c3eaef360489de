// SPDX-License-Identifier: Apache-2.0
// Deleting asks once more, in place: what is deleted is gone for everybody.

import { useState, type FocusEvent, type KeyboardEvent } from "react";
import { Button, IconButton } from "./widgets";

interface Props {
  /** What goes with it, such as "with its packets"; said beside the question. */
  loss?: string;
  /** Why the user may not, "" = may. */
  refusal: string;
  busy: boolean;
  onDelete: () => void;
}

export function DeleteButton({ loss = "", refusal, busy, onDelete }: Props) {
  // Who kept it goes on from the bin; who went elsewhere stays there.
  const [now, setNow] = useState<"still" | "asking" | "kept">("still");
  if (now !== "asking") {
    const off = refusal !== "" || busy;
    return (
      <IconButton
        icon="trash"
        label={refusal || "Delete"}
        disabled={off}
        autoFocus={now === "kept"}
        onClick={() => setNow("asking")}
      />
    );
  }
  const keep = (): void => setNow("kept");
  const keys = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    // Not for the map too, which lets go of what is chosen.
    event.stopPropagation();
    keep();
  };
  const left = (event: FocusEvent): void => {
    if (!event.currentTarget.contains(event.relatedTarget)) setNow("still");
  };
  return (
    <span className="asking" role="group" aria-label="Delete it?" onKeyDown={keys} onBlur={left}>
      {loss ? <span className="muted">{loss}</span> : null}
      <Button
        className="danger"
        autoFocus
        onClick={() => {
          setNow("still");
          onDelete();
        }}
      >
        Delete it
      </Button>
      {/* Where the bin was: a second click too many keeps it. */}
      <IconButton icon="close" label="Keep it" onClick={keep} />
    </span>
  );
}
