// SPDX-License-Identifier: Apache-2.0
// An alert as its form holds it, texts and all; from there to what the server takes. Pure.

import type { AlertDraft, AlertPatch } from "../api/alerts";
import type { AlertView } from "../api/types";

const MS = 1000;

export interface Fields {
  readonly name: string;
  readonly description: string;
  readonly expression: string;
  readonly language: "gremlin" | "javascript";
  /** "" = at changes of the graph, else a duration such as 30s. */
  readonly every: string;
  readonly severity: AlertView["Severity"];
  /** Seconds, as the next two. */
  readonly holdsFor: string;
  readonly keepFiring: string;
  readonly cooldown: string;
  readonly hold: string;
  /** One receiver a line. */
  readonly actions: string;
  /** One that hears only that it fires, as with Skydive. */
  readonly action: string;
  /** KEY=VALUE, one a line. */
  readonly labels: string;
  /** Minutes, "" = until deleted; of an alert that is changed: leave it as it is. */
  readonly ttlMinutes: string;
}

export const blank: Fields = {
  name: "",
  description: "",
  expression: "",
  language: "gremlin",
  every: "",
  severity: "warning",
  holdsFor: "0",
  keepFiring: "0",
  cooldown: "0",
  hold: "",
  actions: "",
  action: "",
  labels: "",
  ttlMinutes: "",
};

const EVERY = "duration:";

export function fieldsOf(alert: AlertView): Fields {
  return {
    name: alert.Name,
    description: alert.Description,
    expression: alert.Expression,
    language: alert.Language === "javascript" ? "javascript" : "gremlin",
    every: alert.Trigger.startsWith(EVERY) ? alert.Trigger.slice(EVERY.length) : "",
    severity: alert.Severity,
    holdsFor: String(alert.For / MS),
    keepFiring: String(alert.KeepFiring / MS),
    cooldown: String(alert.Cooldown / MS),
    hold: alert.Hold,
    actions: alert.Actions.join("\n"),
    action: alert.Action,
    labels: Object.entries(alert.Labels).map(([key, value]) => `${key}=${value}`).join("\n"),
    ttlMinutes: "",
  };
}

export function toDraft(fields: Fields): AlertDraft {
  return {
    Name: fields.name.trim(),
    Description: fields.description.trim(),
    Expression: fields.expression.trim(),
    Language: fields.language,
    Trigger: fields.every.trim() ? `${EVERY}${fields.every.trim()}` : "graph",
    Action: fields.action.trim(),
    Actions: lines(fields.actions),
    Severity: fields.severity,
    Labels: labelsOf(fields.labels),
    For: milliseconds(fields.holdsFor),
    Hold: fields.hold.trim(),
    KeepFiring: milliseconds(fields.keepFiring),
    Cooldown: milliseconds(fields.cooldown),
  };
}

export function ttlSeconds(fields: Fields): number {
  return Math.round(Number.parseFloat(fields.ttlMinutes || "0") * 60) || 0;
}

/** What the form changes of an alert, member by member. */
export function patchOf(alert: AlertView, draft: AlertDraft): AlertPatch {
  const before: AlertDraft = toDraft(fieldsOf(alert));
  return (Object.keys(draft) as (keyof AlertDraft)[])
    .filter((name) => JSON.stringify(draft[name]) !== JSON.stringify(before[name]))
    .map((name) => ({ op: "replace", path: `/${name}`, value: draft[name] }));
}

/** A line without = is a label without a value: the server says what it thinks of it. */
function labelsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    lines(text).map((line): [string, string] => {
      const [key = "", ...value] = line.split("=");
      return [key.trim(), value.join("=").trim()];
    }),
  );
}

function lines(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}

function milliseconds(seconds: string): number {
  return Math.round(Number.parseFloat(seconds || "0") * MS) || 0;
}
