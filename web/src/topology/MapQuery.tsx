// SPDX-License-Identifier: Apache-2.0
// The query by which the map is dimmed or cut: its field, favourites, mistakes, and what it finds.

import { useEffect, useRef, useState } from "react";
import type { CheckAnswer } from "../api/types";
import { useCheck } from "../editor/useCheck";
import { refine, place } from "../state/place";
import { useStore } from "../state/store";
import { plural } from "../ui/format";
import { Icon } from "../ui/Icon";
import { IconButton } from "../ui/widgets";
import { favourites, PRESETS, toggleFavourite } from "./favourites";
import { matching, wordsOf, type Matching } from "./matching";
import { takeAll } from "./selection";

const WORDS = "map-query-words";
const LONGEST_SHOWN = 70;

export function MapQuery({ onClose }: { onClose: () => void }) {
  const { map: query, others } = useStore(place);
  const [draft, setDraft] = useState(query);
  useEffect(() => setDraft(query), [query]);
  const field = useRef<HTMLInputElement>(null);
  const [byHand] = useState(query === "");
  useEffect(() => {
    // Not when an address brought the query: then nobody wants to type.
    if (byHand) field.current?.focus();
  }, [byHand]);
  const { text, verdict } = useCheck(draft);
  const now = useStore(matching);
  const kept = useStore(favourites);
  const wanted = draft.trim();
  // What is wrong while one types; what the server says of the query that was asked.
  const error = mistakeIn(wanted, text, verdict) || (wanted === query && now.state === "refused" ? now.reason : "");
  const ask = (asked: string): void => {
    setDraft(asked);
    refine({ map: asked.trim() });
  };
  return (
    <form
      className="map-query"
      role="search"
      aria-label="Query of the map"
      onSubmit={(event) => {
        event.preventDefault();
        ask(draft);
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        // Not for what is chosen on the map too.
        event.stopPropagation();
        onClose();
      }}
    >
      <div className="map-query-line">
        <Icon name="filter" />
        <input
          ref={field}
          className="mono"
          aria-label="Show only what this finds"
          aria-describedby={WORDS}
          aria-invalid={error !== ""}
          placeholder="G.V().Has('Type', 'veth')"
          spellCheck={false}
          autoComplete="off"
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
        />
        <Favourites kept={kept} onChoose={ask} />
        <IconButton
          icon={kept.includes(wanted) ? "starred" : "star"}
          label="Keep among the favourites"
          aria-pressed={kept.includes(wanted)}
          disabled={wanted === ""}
          onClick={() => toggleFavourite(wanted)}
        />
        <IconButton
          icon="eyeoff"
          label="Hide what is not found"
          aria-pressed={others === "hide"}
          onClick={() => refine({ others: others === "hide" ? "" : "hide" })}
        />
        <IconButton icon="close" label="Show the whole map" onClick={onClose} />
      </div>
      <div className="map-query-foot">
        <p id={WORDS} aria-live="polite" data-testid="map-query-words" className={error ? "tone-text-red" : "muted"}>
          {error || (wanted === query ? told(now) : "Enter asks")}
        </p>
        <ChooseFound now={now} />
      </div>
    </form>
  );
}

function ChooseFound({ now }: { now: Matching }) {
  if (now.state !== "known" || now.found.nodes.size === 0) return null;
  return (
    <button type="button" className="link-button" onClick={() => takeAll(now.found.nodes)}>
      Choose them
    </button>
  );
}

/** The verdict may still be that of an earlier text. */
function mistakeIn(wanted: string, judged: string, verdict: CheckAnswer | undefined): string {
  return judged === wanted && verdict?.Valid === false ? wordsOf(verdict) : "";
}

function told(now: Matching): string {
  if (now.state === "looking") return "Looking…";
  if (now.state !== "known") return "Nodes and links that it finds stand out, as they come and go";
  const { nodes, edges } = now.found;
  return nodes.size === 0 ? "Nothing is found now" : `${plural(nodes.size, "node")}, ${plural(edges.size, "link")}`;
}

function Favourites({ kept, onChoose }: { kept: readonly string[]; onChoose: (query: string) => void }) {
  return (
    <select aria-label="Favourites" value="" onChange={(event) => onChoose(event.target.value)}>
      <option value="" disabled>
        Favourites
      </option>
      {kept.length > 0 ? (
        <optgroup label="Yours">
          {kept.map((query) => (
            <option key={query} value={query}>
              {query.length > LONGEST_SHOWN ? `${query.slice(0, LONGEST_SHOWN)}…` : query}
            </option>
          ))}
        </optgroup>
      ) : null}
      <optgroup label="To begin with">
        {PRESETS.map(({ title, query }) => (
          <option key={query} value={query}>
            {title}
          </option>
        ))}
      </optgroup>
    </select>
  );
}
