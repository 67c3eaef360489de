// SPDX-License-Identifier: Apache-2.0
// A new check: for which interfaces, and what must be true of them. The server explains what is wrong with it.

import { useMutation } from "@tanstack/react-query";
import type { SyntheticEvent } from "react";
import { createCheck } from "../api/client";
import type { CheckView } from "../api/types";
import { useDraft } from "../state/drafts";
import { go } from "../state/place";
import { MatchPreview } from "../captures/MatchPreview";
import { useVerdict } from "../captures/useVerdict";
import { Field, FormError } from "../ui/Field";
import { Button, IconButton } from "../ui/widgets";
import { chosenSteps, lacks, OFFERS, type Offer } from "./steps";

const MS = 1000;
const WAITS = "the check judges each interface as it appears";

const usual = (): ReadonlyMap<string, string> => new Map([["dhcp", ""], ["gateway", ""]]);

export function CheckForm({ onDone }: { onDone: () => void }) {
  const [name, setName] = useDraft("check.name", () => "");
  const [query, setQuery] = useDraft("check.query", () => "G.V().HasKey('ExtID.vm-id')");
  const [seconds, setSeconds] = useDraft("check.seconds", () => "10");
  const [active, setActive] = useDraft<CheckView["Active"]>("check.active", () => "never");
  const [chosen, setChosen] = useDraft<ReadonlyMap<string, string>>("check.chosen", usual);
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
  const { verdict, preview, previewError } = useVerdict(query);
  const lacking = wrongIn(query, verdict?.Valid, seconds) || lacks(chosen);
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (!lacking && !create.isPending) create.mutate();
  };
  return (
    <form className="form tall check-form" onSubmit={submit} aria-label="New check">
      <header className="section-head">
        <h3>New check</h3>
        <span className="spring" />
        <IconButton icon="close" label="Close the form" onClick={onDone} />
      </header>
      <Field label="Interfaces" hint="present and future ones">
        <input
          className="mono"
          value={query}
          spellCheck={false}
          aria-invalid={verdict?.Valid === false}
          onChange={(event) => setQuery(event.target.value)}
        />
      </Field>
      <MatchPreview expression={query.trim()} verdict={verdict} preview={preview} error={previewError} waits={WAITS} />
      <div className="fields">
        <Field label="Name">
          <input value={name} onChange={(event) => setName(event.target.value)} placeholder="vms" spellCheck={false} />
        </Field>
        <Field label="Judged after" hint="seconds from when it appears">
          <input type="number" min="0.1" step="any" value={seconds} onChange={(event) => setSeconds(event.target.value)} />
        </Field>
        <Field label="Inject packets" hint="as if it had sent them" wide>
          <select value={active} onChange={(event) => setActive(event.target.value as CheckView["Active"])}>
            <option value="never">never: only what it sends by itself is judged</option>
            <option value="unsettled">where its own packets do not tell in time</option>
            <option value="always">always</option>
          </select>
        </Field>
      </div>
      <fieldset>
        <legend>Each of them</legend>
        {OFFERS.map((offer) => (
          <StepChoice key={offer.type} offer={offer} value={chosen.get(offer.type) ?? null} onChange={choose} />
        ))}
      </fieldset>
      <FormError error={create.error} />
      <footer className="form-foot">
        <Button primary icon="check" type="submit" disabled={lacking !== "" || create.isPending}>
          Create check
        </Button>
        {lacking ? <span className="muted form-lacks">needs {lacking}</span> : null}
      </footer>
    </form>
  );
}

function wrongIn(query: string, valid: boolean | undefined, seconds: string): string {
  if (query.trim() === "" || valid === false) return "a valid query for interfaces";
  return Number(seconds) > 0 ? "" : "seconds after which it is judged";
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
