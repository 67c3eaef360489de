// SPDX-License-Identifier: Apache-2.0
// One alert in the list: its state and why, when it looks, whom it could not tell, and its history when open.

import { useMutation } from "@tanstack/react-query";
import type { KeyboardEvent } from "react";
import { deleteAlert, muteAlert } from "../api/alerts";
import type { AlertView } from "../api/types";
import { isMuted } from "../state/alerts";
import { now as present } from "../state/clock";
import { go } from "../state/place";
import { CardTitle } from "../ui/Card";
import { ago, duration } from "../ui/format";
import { DeleteButton } from "../ui/DeleteButton";
import { useNow } from "../ui/now";
import { tell } from "../ui/toasts";
import { ErrorNote, IconButton, messageOf } from "../ui/widgets";
import { AlertBadge, SeverityChip } from "./AlertBadge";
import { AlertHistory } from "./AlertHistory";
import { MUTES, mutedFor, muteEnd, triggerOf } from "./words";

interface Props {
  alert: AlertView;
  open: boolean;
  /** Why the user may not change it, "" = may. */
  refusal: string;
  onEdit: () => void;
}

export function AlertCard({ alert, open, refusal, onEdit }: Props) {
  const now = useNow();
  const muted = isMuted(alert, now);
  return (
    <li className={open ? "card open" : "card"} data-testid="alert" data-state={alert.State} data-muted={muted}>
      <div className="card-head">
        <CardTitle open={open} onTurn={() => go({ alert: open ? "" : alert.UUID })}>
          <AlertBadge state={alert.State} />
          <span className="ellipsis">{alert.Name || alert.Expression}</span>
        </CardTitle>
        <Actions alert={alert} muted={muted} refusal={refusal} onEdit={onEdit} />
      </div>
      <code className="card-query">{alert.Expression}</code>
      {alert.Summary && alert.State !== "inactive" ? <p className="card-sentence">{alert.Summary}</p> : null}
      <Facts alert={alert} now={now} muted={muted} />
      {alert.Problem || alert.Undelivered.length > 0 ? (
        <div className="card-notes">
          {alert.Problem ? <ErrorNote>It cannot be judged now: {alert.Problem}</ErrorNote> : null}
          {alert.Undelivered.map((note) => (
            <ErrorNote key={note}>Not told: {note}</ErrorNote>
          ))}
        </div>
      ) : null}
      {open ? <Detail alert={alert} /> : null}
    </li>
  );
}

function Facts({ alert, now, muted }: { alert: AlertView; now: number; muted: boolean }) {
  return (
    <p className="counters">
      <SeverityChip severity={alert.Severity} />
      <span>{triggerOf(alert.Trigger)}</span>
      {alert.For > 0 ? <span>holding {duration(alert.For)}</span> : null}
      {alert.Since > 0 ? <span>since {ago(alert.Since, now)}</span> : null}
      {alert.Fired > 0 ? <span>fired {alert.Fired === 1 ? "once" : `${alert.Fired} times`}</span> : null}
      {muted ? <span className="tone-text-amber">{mutedFor(alert.MutedUntil, now)}</span> : null}
      {alert.ExpiresAt > now ? <span>ends in {duration(alert.ExpiresAt - now)}</span> : null}
    </p>
  );
}

function Actions({ alert, muted, refusal, onEdit }: Omit<Props, "open"> & { muted: boolean }) {
  const failed = (error: Error): void => tell(messageOf(error), "alert", "red");
  const mute = useMutation({ mutationFn: (until: number) => muteAlert(alert.UUID, until), onError: failed });
  const remove = useMutation({ mutationFn: () => deleteAlert(alert.UUID), onError: failed });
  const off = refusal !== "";
  return (
    <div className="card-actions">
      {muted ? (
        <IconButton
          icon="muted"
          label={refusal || "Tell of it again"}
          disabled={off || mute.isPending}
          onClick={() => mute.mutate(0)}
        />
      ) : (
        <select
          className="mute"
          value=""
          aria-label="Mute"
          title={refusal || "Mute: nobody is told that it fires"}
          disabled={off || mute.isPending}
          onKeyDown={chooseFirst}
          onChange={(event) => mute.mutate(muteEnd(event.target.value, present()))}
        >
          <option value="" disabled hidden>
            Mute
          </option>
          {MUTES.map(({ id, label }) => (
            <option key={id} value={id}>
              {label}
            </option>
          ))}
        </select>
      )}
      <IconButton icon="edit" label={refusal || "Change"} disabled={off} onClick={onEdit} />
      <DeleteButton
        loss="with its history"
        refusal={refusal}
        busy={remove.isPending}
        onDelete={() => remove.mutate()}
      />
    </div>
  );
}

/** Keys that do something to a choice which is not open: there the first of them would already mute. */
const PASSED: readonly string[] = ["Tab", "Shift", "Escape", "Enter", " "];

function chooseFirst(event: KeyboardEvent<HTMLSelectElement>): void {
  if (PASSED.includes(event.key) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (event.key.startsWith("Arrow")) event.currentTarget.showPicker();
}

function Detail({ alert }: { alert: AlertView }) {
  const labels = Object.entries(alert.Labels);
  const receivers = [alert.Action, ...alert.Actions].filter(Boolean);
  return (
    <div className="card-detail">
      {alert.Description ? <p className="prose">{alert.Description}</p> : null}
      <dl className="facts">
        {alert.Hold ? <Fact name="Fires on while" value={alert.Hold} /> : null}
        {alert.KeepFiring > 0 ? <Fact name="Resolved after an absence of" value={duration(alert.KeepFiring)} /> : null}
        {alert.Cooldown > 0 ? <Fact name="One notice in" value={duration(alert.Cooldown)} /> : null}
        {receivers.map((receiver) => (
          <Fact key={receiver} name="Tells" value={receiver} />
        ))}
        {labels.map(([key, value]) => (
          <Fact key={key} name={`Label ${key}`} value={value} />
        ))}
        {alert.CreatedBy ? <Fact name="Made by" value={alert.CreatedBy} /> : null}
      </dl>
      <AlertHistory alert={alert} />
    </div>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="mono">{value}</dd>
    </div>
  );
}
