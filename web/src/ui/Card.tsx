// SPDX-License-Identifier: Apache-2.0
// Parts of lists of resources: the line that opens a card, the head of a list with the way to a new one.

import type { ReactNode } from "react";
import { Icon } from "./Icon";
import { Button } from "./widgets";

export function CardTitle({ open, onTurn, children }: { open: boolean; onTurn: () => void; children: ReactNode }) {
  return (
    <button type="button" className="card-title" aria-expanded={open} onClick={onTurn}>
      <span className={open ? "turn open" : "turn"}>
        <Icon name="chevron" size={13} />
      </span>
      {children}
    </button>
  );
}

interface ListHeadProps {
  title: string;
  /** null until it is known. */
  number: number | null;
  /** Why the user may not make one, "" = may. */
  refusal: string;
  onCreate: () => void;
}

export function ListHead({ title, number, refusal, onCreate }: ListHeadProps) {
  return (
    <header className="section-head roomy">
      <h3>{title}</h3>
      <span className="muted">{number}</span>
      <span className="spring" />
      <Button primary icon="plus" disabled={refusal !== ""} title={refusal} onClick={onCreate}>
        Create
      </Button>
    </header>
  );
}
