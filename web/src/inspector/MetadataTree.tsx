// SPDX-License-Identifier: Apache-2.0
// Metadata as a tree of text; a click on a value copies it.

import { useState } from "react";
import type { Json } from "../api/types";
import { isBranch } from "../state/metadata";
import { Icon } from "../ui/Icon";
import { plural } from "../ui/format";
import { copy } from "../ui/CopyMenu";

export function MetadataTree({ data, label = "Metadata" }: { data: Record<string, Json>; label?: string }) {
  return (
    <div className="tree" role="tree" aria-label={label}>
      <Entries entries={sortedEntries(data)} depth={0} />
    </div>
  );
}

function Entries({ entries, depth }: { entries: [string, Json][]; depth: number }) {
  return entries.map(([key, value]) => <Entry key={key} name={key} value={value} depth={depth} />);
}

function Entry({ name, value, depth }: { name: string; value: Json; depth: number }) {
  const plain = isBranch(value) ? plainList(value) : null;
  if (!isBranch(value) || plain !== null) {
    return <Leaf name={name} value={plain ?? shown(value)} kind={plain === null ? typeof value : "string"} depth={depth} />;
  }
  return <Branch name={name} value={value} depth={depth} />;
}

function Leaf({ name, value, kind, depth }: { name: string; value: string; kind: string; depth: number }) {
  return (
    <div className="tree-row" role="treeitem" data-depth={Math.min(depth, 6)}>
      <span className="tree-key">{name}</span>
      <button type="button" className={`tree-value ${kind}`} title="Copy" onClick={() => void copy(value)}>
        {value === "" ? "–" : value}
      </button>
    </div>
  );
}

function Branch({ name, value, depth }: { name: string; value: Json[] | Record<string, Json>; depth: number }) {
  const entries = Array.isArray(value) ? value.map((item, at): [string, Json] => [String(at), item]) : sortedEntries(value);
  const [open, setOpen] = useState(depth === 0 && entries.length <= 8);
  return (
    <div role="treeitem" aria-expanded={open}>
      <button
        type="button"
        className="tree-row tree-branch"
        data-depth={Math.min(depth, 6)}
        onClick={() => setOpen(!open)}
      >
        <span className="tree-key">
          <span className={open ? "turn open" : "turn"}>
            <Icon name="chevron" size={12} />
          </span>
          {name}
        </span>
        <span className="muted">{Array.isArray(value) ? plural(value.length, "entry", "entries") : plural(entries.length, "key")}</span>
      </button>
      {open ? (
        <div role="group">
          <Entries entries={entries} depth={depth + 1} />
        </div>
      ) : null}
    </div>
  );
}

function sortedEntries(data: Record<string, Json>): [string, Json][] {
  return Object.entries(data).sort(([a], [b]) => a.localeCompare(b));
}

/** Short lists of plain values, such as addresses, fit into one line. */
function plainList(value: Json[] | Record<string, Json>): string | null {
  if (!Array.isArray(value) || value.some(isBranch)) return null;
  const text = value.map(shown).join("  ");
  return text.length <= 90 ? text : null;
}

function shown(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
