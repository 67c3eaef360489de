// SPDX-License-Identifier: Apache-2.0
// A new check: for which interfaces, and what must be true of them. The server explains what is wrong with it.

import { useMutation } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { createCheck } from "../api/client";
import type { CheckView } from "../api/types";
import { go } from "../state/place";
import { Button, ErrorNote, messageOf } from "../ui/widgets";
import { chosenSteps, OFFERS, type Offer } from "./steps";

const MS = 1000;

export function CheckForm({ onDone }: { onDone: () => void }) {
  const [name, setName] = useState("");
  const [query, setQuery] = useState("G.V().HasKey('ExtID.vm-id')");
  const [seconds, setSeconds] = useState("10");
  const [active, setActive] = useState<CheckView["Active"]>("never");
  const [chosen, setChosen] = useState<ReadonlyMap<string, string>>(new Map([["dhcp", ""], ["gateway", ""]]));
  const create = useMutation({
    mutationFn: () =>
      createCheck({
        Name: name,
        GremlinQuery: query,
        Within: Math.round(Number(seconds) * MS),
        Active: active,
        Steps: chosenSteps(chosen),
      }),
    onSuccess: (made) => {
      go({ check: made.UUID });
      onDone();
    },
  });
  const choose = (type: string, value: string | null): void => {
    const next = new Map(chosen);
    if (value === null) next.delete(type);
    else next.set(type, value);
    setChosen(next);
  };
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <form className="form check-form" onSubmit={submit} aria-label="New check">
      <label className="field">
        Name
        <input value={name} onChange={(event) => setName(event.target.value)} placeholder="vms" spellCheck={false} />
      </label>
      <label className="field">
        Interfaces
        <input value={query} onChange={(event) => setQuery(event.target.value)} spellCheck={false} />
      </label>
      <label className="field">
        Seconds after it appears
        <input type="number" min="0.1" step="any" value={seconds} onChange={(event) => setSeconds(event.target.value)} />
      </label>
      <label className="field">
        Inject packets, as if it had sent them
        <select value={active} onChange={(event) => setActive(event.target.value as CheckView["Active"])}>
          <option value="never">never</option>
          <option value="unsettled">where its own do not tell in time</option>
          <option value="always">always</option>
        </select>
      </label>
      <fieldset>
        <legend>Each of them</legend>
        {OFFERS.map((offer) => (
          <StepChoice key={offer.type} offer={offer} value={chosen.get(offer.type) ?? null} onChange={choose} />
        ))}
      </fieldset>
      {create.error ? <ErrorNote>{messageOf(create.error)}</ErrorNote> : null}
      <div className="check-form-actions">
        <Button primary type="submit" disabled={create.isPending}>
          Create
        </Button>
        <Button type="button" onClick={onDone}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

interface StepChoiceProps {
  offer: Offer;
  /** null = not chosen. */
  value: string | null;
  onChange: (type: string, value: string | null) => void;
}

function StepChoice({ offer, value, onChange }: StepChoiceProps) {
  return (
    <div className="check-choice">
      <label>
        <input
          type="checkbox"
          checked={value !== null}
          onChange={(event) => onChange(offer.type, event.target.checked ? offer.value : null)}
        />
        {offer.label}
      </label>
      {offer.parameter && value !== null ? (
        <input
          aria-label={`${offer.label}: ${offer.parameter}`}
          value={value}
          onChange={(event) => onChange(offer.type, event.target.value)}
          spellCheck={false}
        />
      ) : null}
    </div>
  );
}
