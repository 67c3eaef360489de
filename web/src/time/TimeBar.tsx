// SPDX-License-Identifier: Apache-2.0
// The way to the past: a slider, a date, steps; and what has changed since the moment that is looked at.

import { useEffect, useState } from "react";
import { now } from "../state/clock";
import { place, refine } from "../state/place";
import { usePast, useSince, type Past } from "../state/shown";
import { Store, useStore } from "../state/store";
import { ago, dateTime, plural } from "../ui/format";
import { useNow } from "../ui/now";
import { Button, IconButton, messageOf } from "../ui/widgets";
import { fromField, spanFor, SPANS, toField, type Span } from "./moments";

/** A slider is moved over many moments; the one where it rests is read. */
const RESTS_AFTER_MS = 250;
const HOUR = 3_600_000;
const open = new Store(false);

export function TimeButton() {
  const shown = useStore(open);
  const { at } = useStore(place);
  const toggle = (): void => {
    if (shown || at) goLive();
    open.set(!(shown || at));
  };
  return <IconButton icon="clock" label="Look at the past" aria-pressed={shown || at !== ""} onClick={toggle} />;
}

function goLive(): void {
  refine({ at: "" });
}

export function TimeBar() {
  const shown = useStore(open);
  const past = usePast();
  if (!shown && !past) return null;
  return <Bar past={past} />;
}

function Bar({ past }: { past: Past | null }) {
  const clock = useNow();
  const [span, setSpan] = useState<Span>(() => spanFor(past?.at ?? now() - HOUR, now()));
  // The right end stands still while somebody looks, or each moment would creep to the left under the hand.
  const [end, setEnd] = useState(now);
  const [wanted, setWanted] = useState<number | null>(null);
  useEffect(() => {
    if (wanted === null) return undefined;
    const timer = setTimeout(() => {
      setWanted(null);
      refine({ at: wanted >= end ? "" : String(wanted) });
    }, RESTS_AFTER_MS);
    return () => clearTimeout(timer);
  }, [wanted, end]);
  const at = wanted ?? past?.at ?? end;
  const reach = (next: Span): void => {
    setSpan(next);
    setEnd(now());
  };
  return (
    <section className={past ? "time-bar past" : "time-bar"} aria-label="Time" data-testid="time-bar">
      <label className="time-span">
        <span className="muted">The last</span>
        <select value={span.label} onChange={(event) => reach(SPANS.find((one) => one.label === event.target.value) ?? span)}>
          {SPANS.map(({ label }) => (
            <option key={label}>{label}</option>
          ))}
        </select>
      </label>
      <input
        type="range"
        aria-label="Moment"
        aria-valuetext={at >= end ? "now" : dateTime(at)}
        min={end - span.lasts}
        max={end}
        step={1000}
        value={at}
        onChange={(event) => setWanted(Number(event.target.value))}
      />
      <IconButton icon="earlier" label="A step earlier" onClick={() => setWanted(at - span.step)} />
      <IconButton icon="later" label="A step later" disabled={at >= end} onClick={() => setWanted(at + span.step)} />
      <DateField key={at} at={at} onChoose={(next) => setWanted(next)} />
      <Told past={past} wanted={wanted} now={clock} />
      <Button primary={past !== null} disabled={past === null} onClick={goLive}>
        Back to now
      </Button>
    </section>
  );
}

function DateField({ at, onChoose }: { at: number; onChoose: (at: number) => void }) {
  const [text, setText] = useState(() => toField(at));
  const take = (): void => {
    const chosen = fromField(text, now());
    if (chosen === null) setText(toField(at));
    else if (toField(at) !== text) onChoose(chosen);
  };
  return (
    <input
      type="datetime-local"
      step={1}
      aria-label="Date and time"
      value={text}
      onChange={(event) => setText(event.target.value)}
      onBlur={take}
      onKeyDown={(event) => {
        if (event.key === "Enter") take();
      }}
    />
  );
}

/** What is known of the moment, in words. */
function Told({ past, wanted, now }: { past: Past | null; wanted: number | null; now: number }) {
  const { gone, come } = useSince();
  if (!past) return <span className="time-told muted">Move the slider to see the network as it was.</span>;
  if (past.error) return <span className="time-told tone-text-red">{messageOf(past.error)}</span>;
  if (past.pending || wanted !== null) return <span className="time-told muted">Reading the history…</span>;
  if (past.graph?.nodes.size === 0) return <span className="time-told">Nothing is known of that moment.</span>;
  return (
    <span className="time-told">
      {/* The time that passes is not read out with each second of it. */}
      As it was {ago(past.at, now)}:{" "}
      <span role="status">
        {plural(gone.size, "node")} gone since, {come} new
      </span>
    </span>
  );
}
