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
  const [asking, setAsking] = useState(false);
  if (!asking) {
    const off = refusal !== "" || busy;
    return <IconButton icon="trash" label={refusal || "Delete"} disabled={off} onClick={() => setAsking(true)} />;
  }
  const keep = (): void => setAsking(false);
  const keys = (event: KeyboardEvent): void => {
    if (event.key === "Escape") keep();
  };
  const left = (event: FocusEvent): void => {
    if (!event.currentTarget.contains(event.relatedTarget)) keep();
  };
  return (
    <span className="asking" role="group" aria-label="Delete it?" onKeyDown={keys} onBlur={left}>
      {loss ? <span className="muted">{loss}</span> : null}
      <Button
        className="danger"
        autoFocus
        onClick={() => {
          keep();
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
