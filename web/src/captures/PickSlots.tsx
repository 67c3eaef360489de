// SPDX-License-Identifier: Apache-2.0
// Two places for interfaces that are picked on the map.

import type { Node } from "../api/types";
import { PickTarget } from "../topology/PickTarget";
import { change, type Draft, type Slot } from "./draft";

interface Props {
  state: Draft;
  nodes: ReadonlyMap<string, Node>;
  expression: string;
}

export function PickSlots({ state, nodes, expression }: Props) {
  return (
    <div className="picks">
      <PickSlot slot={0} label="Interface" state={state} nodes={nodes} />
      <PickSlot slot={1} label="and all on the way to" state={state} nodes={nodes} />
      {expression ? <code className="card-query">{expression}</code> : null}
    </div>
  );
}

function PickSlot({ slot, label, state, nodes }: { slot: Slot; label: string; state: Draft; nodes: Props["nodes"] }) {
  const id = state.picks[slot];
  const node = id === null ? undefined : nodes.get(id);
  const armed = state.armed === slot;
  const clear = (): void => {
    const picks: [string | null, string | null] = [state.picks[0], state.picks[1]];
    picks[slot] = null;
    change({ picks });
  };
  return (
    <PickTarget
      label={label}
      node={node}
      armed={armed}
      hint={slot === 0 ? "pick" : "pick (optional)"}
      onToggle={() => change({ armed: armed ? null : slot })}
      onClear={clear}
    />
  );
}
