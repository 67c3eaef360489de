// SPDX-License-Identifier: Apache-2.0
// A place for one node that is picked on the map.

import type { Node } from "../api/types";
import { text } from "../state/metadata";
import { Icon } from "../ui/Icon";
import { IconButton } from "../ui/widgets";
import { nameOf } from "./appearance";

interface Props {
  label: string;
  node: Node | undefined;
  /** It takes the next click on the map. */
  armed: boolean;
  hint: string;
  onToggle: () => void;
  onClear: () => void;
}

export function PickTarget({ label, node, armed, hint, onToggle, onClear }: Props) {
  return (
    <div className="pick">
      <span className="pick-label">{label}</span>
      <button
        type="button"
        className={armed ? "pick-target armed" : "pick-target"}
        aria-label={`${label}: ${node ? nameOf(node) : hint}`}
        aria-pressed={armed}
        onClick={onToggle}
      >
        <Icon name="pick" size={15} />
        {node ? (
          <>
            {nameOf(node)} <span className="muted">{text(node.Metadata["Type"])}</span>
          </>
        ) : (
          <span className="muted">{armed ? "click it on the map" : hint}</span>
        )}
      </button>
      {node ? <IconButton icon="close" label={`Clear ${label}`} onClick={onClear} /> : null}
    </div>
  );
}
