// SPDX-License-Identifier: Apache-2.0
// What is rarely said of a packet: its headers, its payload, its direction, how long its answer is waited for.

import type { Node } from "../api/types";
import { Field } from "../ui/Field";
import { macOf } from "./addresses";
import { change, type Draft } from "./draft";
import type { Kind } from "./kinds";

interface Props {
  state: Draft;
  kind: Kind;
  source: Node | undefined;
}

export function PacketFields({ state, kind, source }: Props) {
  return (
    <details className="more">
      <summary>{kind.family === 0 ? "Direction, time for answers" : "Headers, payload, direction"}</summary>
      <div className="fields">
        {kind.family === 0 ? null : <Headers state={state} kind={kind} source={source} />}
        {kind.content === "payload" ? (
          <Field label="Payload" hint="sent as it is; empty = with a number, up to the size" wide>
            <textarea
              className="mono"
              rows={2}
              value={state.payload}
              spellCheck={false}
              onChange={(event) => change({ payload: event.target.value })}
            />
          </Field>
        ) : null}
        <Numbered label="Waits for an answer" hint="ms" most={60_000} value={state.timeout} onChange={(timeout) => change({ timeout })} />
        <Field label="As if the guest had sent them" hint="they enter through the interface">
          <input
            type="checkbox"
            checked={state.inbound}
            onChange={(event) => change({ inbound: event.target.checked })}
          />
        </Field>
      </div>
    </details>
  );
}

function Headers({ state, source }: Props) {
  return (
    <>
      <Field label="From MAC">
        <input
          className="mono"
          value={state.srcMAC}
          spellCheck={false}
          placeholder={macOf(source) || "of the interface"}
          onChange={(event) => change({ srcMAC: event.target.value })}
        />
      </Field>
      <Field label="To MAC">
        <input
          className="mono"
          value={state.dstMAC}
          spellCheck={false}
          placeholder="by routes, ARP and ND"
          onChange={(event) => change({ dstMAC: event.target.value })}
        />
      </Field>
      <Numbered label="TTL" hint="or hop limit" most={255} value={state.ttl} onChange={(ttl) => change({ ttl })} />
      <Numbered label="DSCP" hint="0 to 63" most={63} value={state.dscp} onChange={(dscp) => change({ dscp })} />
      <Numbered label="VLAN" hint="empty = no tag" most={4094} value={state.vlan} onChange={(vlan) => change({ vlan })} />
      <Numbered
        label="VLAN priority"
        hint="0 to 7"
        most={7}
        value={state.vlanPriority}
        onChange={(vlanPriority) => change({ vlanPriority })}
      />
      <Field label="Must not be fragmented">
        <input
          type="checkbox"
          checked={state.dontFragment}
          onChange={(event) => change({ dontFragment: event.target.checked })}
        />
      </Field>
    </>
  );
}

interface NumberedProps {
  label: string;
  hint: string;
  most: number;
  value: string;
  onChange: (value: string) => void;
}

function Numbered({ label, hint, most, value, onChange }: NumberedProps) {
  return (
    <Field label={label} hint={hint}>
      <input type="number" min={0} max={most} value={value} onChange={(event) => onChange(event.target.value)} />
    </Field>
  );
}
