// SPDX-License-Identifier: Apache-2.0
// What the packets carry, how many there are and how fast they go.

import { Field, NumberField, TextField } from "../ui/Field";
import { tell } from "../ui/toasts";
import { toBase64 } from "./bytes";
import { change, type Draft } from "./draft";
import { RECORDS, type Kind } from "./kinds";

/** What fits a message of the bus. */
const MOST_BYTES = 512 * 1024;

export function RateFields({ state }: { state: Draft }) {
  return (
    <>
      <NumberField label="Packets" min={1} value={state.count} onChange={(count) => change({ count })} />
      <NumberField
        label="One every"
        hint="ms"
        max={3_600_000}
        value={state.interval}
        onChange={(interval) => change({ interval })}
      />
    </>
  );
}

export function ContentFields({ state, kind }: { state: Draft; kind: Kind }) {
  switch (kind.content) {
    case "payload":
      return (
        <NumberField
          label="Size"
          hint="bytes of payload"
          max={65_000}
          value={state.size}
          disabled={state.payload !== ""}
          onChange={(size) => change({ size })}
        />
      );
    case "dns":
      return <Question state={state} />;
    case "frame":
      return (
        <Field label="Frame" hint="hex digits, from the destination's MAC address on" wide>
          <textarea
            className="mono"
            rows={4}
            value={state.frame}
            spellCheck={false}
            placeholder="ff ff ff ff ff ff 02 00 00 00 00 01 88 b5 …"
            onChange={(event) => change({ frame: event.target.value })}
          />
        </Field>
      );
    case "file":
      return <PacketFileFields state={state} />;
    case "":
      return null;
  }
}

function Question({ state }: { state: Draft }) {
  return (
    <>
      <TextField
        label="Name to ask for"
        placeholder="example.org"
        value={state.dnsName}
        onChange={(dnsName) => change({ dnsName })}
      />
      <Field label="Record">
        <select value={state.dnsType} onChange={(event) => change({ dnsType: event.target.value })}>
          {RECORDS.map((record) => (
            <option key={record}>{record}</option>
          ))}
        </select>
      </Field>
    </>
  );
}

function PacketFileFields({ state }: { state: Draft }) {
  const read = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    if (file.size > MOST_BYTES) {
      tell(`${file.name} has ${file.size} bytes; at most ${MOST_BYTES} can be replayed`, "alert", "red");
      return;
    }
    change({ file: { name: file.name, base64: toBase64(new Uint8Array(await file.arrayBuffer())) } });
  };
  return (
    <>
      <Field label="Packet file" hint={state.file ? state.file.name : "pcap or pcapng"}>
        <input
          type="file"
          accept=".pcap,.pcapng,.cap"
          onChange={(event) => void read(event.target.files?.[0])}
        />
      </Field>
      <NumberField
        label="Speed"
        hint="2 = twice as fast; empty = as recorded"
        step="any"
        value={state.timeScale}
        onChange={(timeScale) => change({ timeScale })}
      />
    </>
  );
}
