// SPDX-License-Identifier: Apache-2.0
// What else an alert says: its name, when it looks, how long it waits, whom it tells.

import type { AlertView } from "../api/types";
import { useCheck } from "../editor/useCheck";
import { Field, NumberField } from "../ui/Field";
import type { Fields } from "./draft";

interface Props {
  fields: Fields;
  change: (part: Partial<Fields>) => void;
  isNew: boolean;
}

export function AlertFields({ fields, change, isNew }: Props) {
  return (
    <>
      <div className="fields">
        <Field label="Name">
          <input value={fields.name} maxLength={200} onChange={(event) => change({ name: event.target.value })} />
        </Field>
        <Field label="Severity">
          <select
            value={fields.severity}
            onChange={(event) => change({ severity: event.target.value as AlertView["Severity"] })}
          >
            <option value="info">info</option>
            <option value="warning">warning</option>
            <option value="critical">critical</option>
          </select>
        </Field>
        <NumberField label="Fires after" hint="seconds for which it holds" max={86_400} step="any" value={fields.holdsFor} onChange={(holdsFor) => change({ holdsFor })} />
        <Field label="Looks every" hint="such as 30s; empty = at changes">
          <input
            value={fields.every}
            placeholder="at changes of the network"
            spellCheck={false}
            onChange={(event) => change({ every: event.target.value })}
          />
        </Field>
        <Field label="Tells" hint="one receiver a line" wide>
          <textarea
            className="mono"
            rows={2}
            value={fields.actions}
            spellCheck={false}
            placeholder={"https://example.org/hook\nworkflow:NAME, alertmanager+http://HOST:9093, file:///…"}
            onChange={(event) => change({ actions: event.target.value })}
          />
        </Field>
      </div>
      <details className="more">
        <summary>Hysteresis, cool-down, labels</summary>
        <div className="fields">
          <HoldField fields={fields} change={change} />
          <NumberField label="Resolved after" hint="seconds without it" max={86_400} step="any" value={fields.keepFiring} onChange={(keepFiring) => change({ keepFiring })} />
          <NumberField label="Cool-down" hint="seconds between two notices" max={86_400} step="any" value={fields.cooldown} onChange={(cooldown) => change({ cooldown })} />
          <Field label="Labels" hint="KEY=VALUE, one a line" wide>
            <textarea
              className="mono"
              rows={2}
              value={fields.labels}
              spellCheck={false}
              onChange={(event) => change({ labels: event.target.value })}
            />
          </Field>
          <Field label="Tells only that it fires" hint="as Skydive does" wide>
            <input
              className="mono"
              value={fields.action}
              spellCheck={false}
              onChange={(event) => change({ action: event.target.value })}
            />
          </Field>
          <Field label="Description" wide>
            <textarea
              rows={2}
              value={fields.description}
              onChange={(event) => change({ description: event.target.value })}
            />
          </Field>
          <NumberField
            label="Deletes itself after"
            hint={isNew ? "minutes; empty = never" : "minutes; empty = as it is"}
            step="any"
            value={fields.ttlMinutes}
            onChange={(ttlMinutes) => change({ ttlMinutes })}
          />
        </div>
      </details>
    </>
  );
}

function HoldField({ fields, change }: Pick<Props, "fields" | "change">) {
  const { verdict } = useCheck(fields.language === "gremlin" ? fields.hold : "");
  return (
    <Field label="Fires on while" hint="another expression; empty = the same" wide>
      <input
        className="mono"
        value={fields.hold}
        spellCheck={false}
        aria-invalid={verdict?.Valid === false}
        onChange={(event) => change({ hold: event.target.value })}
      />
      {verdict?.Valid === false ? <span className="tone-text-red">{verdict.Error}</span> : null}
    </Field>
  );
}
