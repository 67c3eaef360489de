// SPDX-License-Identifier: Apache-2.0
// Search over all nodes, hidden ones included; Enter jumps to the chosen hit.

import { useDeferredValue, useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { go } from "../state/place";
import { text } from "../state/metadata";
import { useShownGraph } from "../state/shown";
import { useStore } from "../state/store";
import { Icon } from "../ui/Icon";
import { isTyping } from "../ui/typing";
import { nameOf } from "./appearance";
import { jumpTo } from "./jump";
import { pick } from "./picking";
import { search, type Hit } from "./search";
import { selection, take } from "./selection";

const MOST = 12;

export function SearchBox() {
  const graph = useShownGraph();
  const [wanted, setWanted] = useState("");
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const taken = useStore(selection);
  const input = useRef<HTMLInputElement>(null);
  const settled = useDeferredValue(wanted);
  const hits = useMemo(() => (open ? search(graph.nodes.values(), settled, MOST) : []), [open, graph, settled]);

  useEffect(() => {
    const focus = (event: globalThis.KeyboardEvent): void => {
      if ((event.key === "/" && !isTyping(event)) || (event.key === "k" && (event.ctrlKey || event.metaKey))) {
        event.preventDefault();
        input.current?.focus();
      }
    };
    window.addEventListener("keydown", focus);
    return () => window.removeEventListener("keydown", focus);
  }, []);

  const choose = (hit: Hit | undefined, withOthers = false): void => {
    if (!hit) return;
    if (withOthers) {
      // The list stays: the next one is at hand.
      take(hit.node.ID);
      return;
    }
    setOpen(false);
    setWanted("");
    input.current?.blur();
    // While an interface is to be picked, finding it here is picking it: the way without a mouse.
    if (!pick(hit.node)) go({ tab: "node", node: hit.node.ID, view: "" });
    jumpTo(hit.node.ID);
  };
  const keys = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, hits.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Enter") choose(hits[at], event.shiftKey);
    else if (event.key === "Escape") setOpen(false);
    else return;
    event.preventDefault();
  };
  const listed = open && wanted.trim() !== "";
  return (
    <div className="search">
      <Icon name="search" />
      <input
        ref={input}
        role="combobox"
        aria-expanded={listed}
        aria-controls="search-hits"
        aria-activedescendant={hits[at] ? `hit-${at}` : undefined}
        aria-label="Search nodes"
        placeholder="Search name, address, MAC, id"
        value={wanted}
        onChange={(event) => {
          setWanted(event.target.value);
          setAt(0);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={keys}
      />
      <kbd>/</kbd>
      {listed ? (
        <ul id="search-hits" role="listbox" aria-label="Hits" className="hits">
          {hits.map((hit, index) => (
            <HitLine key={hit.node.ID} hit={hit} index={index} chosen={index === at} taken={taken.has(hit.node.ID)} onChoose={(more) => choose(hit, more)} />
          ))}
          {hits.length === 0 ? <li className="muted no-hit">No node has that in its name, addresses or ids.</li> : null}
        </ul>
      ) : null}
    </div>
  );
}

interface HitProps {
  hit: Hit;
  index: number;
  chosen: boolean;
  /** Chosen together with others, by Shift. */
  taken: boolean;
  onChoose: (withOthers: boolean) => void;
}

function HitLine({ hit, index, chosen, taken, onChoose }: HitProps) {
  return (
    <li
      id={`hit-${index}`}
      role="option"
      aria-selected={chosen}
      // Mouse down, not click: the input would lose its focus first, and the list would be gone.
      onMouseDown={(event) => {
        event.preventDefault();
        onChoose(event.shiftKey);
      }}
    >
      <span className="hit-name">{nameOf(hit.node)}</span>
      {taken ? <Icon name="check" size={13} /> : null}
      <span className="muted">{text(hit.node.Metadata["Type"])}</span>
      {hit.field === "Name" ? null : (
        <code className="ellipsis">
          {hit.field} {hit.value}
        </code>
      )}
    </li>
  );
}
