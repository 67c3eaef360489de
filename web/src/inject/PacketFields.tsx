// SPDX-License-Identifier: Apache-2.0
// What is rarely said of a packet: its headers, its payload, its direction, how long its answer is waited for.

import type { Node } from "../api/types";
import { Field, NumberField, TextField } from "../ui/Field";
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
        <NumberField label="Waits for an answer" hint="ms" max={60_000} value={state.timeout} onChange={(timeout) => change({ timeout })} />
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
      <TextField
        label="From MAC"
        mono
        placeholder={macOf(source) || "of the interface"}
        value={state.srcMAC}
        onChange={(srcMAC) => change({ srcMAC })}
      />
      <TextField
        label="To MAC"
        mono
        placeholder="by routes, ARP and ND"
        value={state.dstMAC}
        onChange={(dstMAC) => change({ dstMAC })}
      />
      <NumberField label="TTL" hint="or hop limit" max={255} value={state.ttl} onChange={(ttl) => change({ ttl })} />
      <NumberField label="DSCP" hint="0 to 63" max={63} value={state.dscp} onChange={(dscp) => change({ dscp })} />
      <NumberField label="VLAN" hint="empty = no tag" max={4094} value={state.vlan} onChange={(vlan) => change({ vlan })} />
      <NumberField
        label="VLAN priority"
        hint="0 to 7"
        max={7}
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
