// SPDX-License-Identifier: Apache-2.0
// Metadata as a tree of text; a click on a value copies it.

import { useState } from "react";
import type { Json } from "../api/types";
import { isBranch } from "../state/metadata";
import { go } from "../state/place";
import { Icon } from "../ui/Icon";
import { plural } from "../ui/format";
import { copy } from "../ui/CopyMenu";
import { usePortion } from "../ui/portion";
import { queryFor } from "./tree";

interface Props {
  data: Record<string, Json>;
  label?: string;
  /** All branches open, for what was found in them. */
  open?: boolean;
  /** Whether the tree is metadata of a node, by whose values others can be found. */
  queries?: boolean;
}

interface Ways {
  readonly open: boolean;
  readonly queries: boolean;
}

export function MetadataTree({ data, label = "Metadata", open = false, queries = false }: Props) {
  return (
    <div className="tree" role="tree" aria-label={label}>
      <Entries entries={sortedEntries(data)} path={[]} ways={{ open, queries }} />
    </div>
  );
}

/** Lists of all routes or neighbours may have a million. */
function Entries({ entries, path, ways }: { entries: [string, Json][]; path: readonly string[]; ways: Ways }) {
  const { shown: some, more } = usePortion(entries);
  return (
    <>
      {some.map(([key, value]) => (
        <Entry key={key} value={value} path={[...path, key]} ways={ways} />
      ))}
      {more ? (
        <div className="tree-row" role="treeitem" data-depth={depthOf([...path, ""])}>
          {more}
        </div>
      ) : null}
    </>
  );
}

interface EntryProps<T extends Json> {
  value: T;
  /** Keys from the root on, its own the last. */
  path: readonly string[];
  ways: Ways;
}

function Entry({ value, path, ways }: EntryProps<Json>) {
  if (!isBranch(value)) return <Leaf text={shown(value)} kind={typeof value} value={value} path={path} ways={ways} />;
  const plain = plainList(value);
  if (plain !== null) return <Leaf text={plain} kind="string" value={value} path={path} ways={ways} />;
  return <Branch value={value} path={path} ways={ways} />;
}

function Leaf({ text, kind, value, path, ways }: EntryProps<Json> & { text: string; kind: string }) {
  const query = ways.queries ? queryFor(path, value) : "";
  return (
    <div className="tree-row" role="treeitem" data-depth={depthOf(path)}>
      <span className="tree-key">{path.at(-1)}</span>
      <button type="button" className={`tree-value ${kind}`} title="Copy" onClick={() => void copy(text)}>
        {text === "" ? "–" : text}
      </button>
      {query ? (
        <button
          type="button"
          className="tree-query"
          title={`Find all nodes with this value: ${query}`}
          aria-label={`Find all nodes with this ${path.join(".")}`}
          onClick={() => go({ tab: "query", q: query, show: "" })}
        >
          <Icon name="search" size={12} />
        </button>
      ) : null}
    </div>
  );
}

function Branch({ value, path, ways }: EntryProps<Json[] | Record<string, Json>>) {
  const entries = Array.isArray(value) ? value.map((item, at): [string, Json] => [String(at), item]) : sortedEntries(value);
  const [turned, setTurned] = useState<boolean | null>(null);
  const open = turned ?? (ways.open || (path.length === 1 && entries.length <= 8));
  // What is in a list has no path by which a query could name it.
  const inside = { ...ways, queries: ways.queries && !Array.isArray(value) };
  return (
    <div role="treeitem" aria-expanded={open}>
      <button type="button" className="tree-row tree-branch" data-depth={depthOf(path)} onClick={() => setTurned(!open)}>
        <span className="tree-key">
          <span className={open ? "turn open" : "turn"}>
            <Icon name="chevron" size={12} />
          </span>
          {path.at(-1)}
        </span>
        <span className="muted">{Array.isArray(value) ? plural(value.length, "entry", "entries") : plural(entries.length, "key")}</span>
      </button>
      {open ? (
        <div role="group">
          <Entries entries={entries} path={path} ways={inside} />
        </div>
      ) : null}
    </div>
  );
}

function depthOf(path: readonly string[]): number {
  return Math.min(path.length - 1, 6);
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
