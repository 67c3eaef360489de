// SPDX-License-Identifier: Apache-2.0
// What the packets carry, how many there are and how fast they go.

import { Field } from "../ui/Field";
import { tell } from "../ui/toasts";
import { toBase64 } from "./bytes";
import { change, type Draft } from "./draft";
import { RECORDS, type Kind } from "./kinds";

/** What fits a message of the bus. */
const MOST_BYTES = 512 * 1024;

export function RateFields({ state }: { state: Draft }) {
  return (
    <>
      <Field label="Packets">
        <input
          type="number"
          min={1}
          value={state.count}
          onChange={(event) => change({ count: event.target.value })}
        />
      </Field>
      <Field label="One every" hint="ms">
        <input
          type="number"
          min={0}
          max={3_600_000}
          value={state.interval}
          onChange={(event) => change({ interval: event.target.value })}
        />
      </Field>
    </>
  );
}

export function ContentFields({ state, kind }: { state: Draft; kind: Kind }) {
  switch (kind.content) {
    case "payload":
      return (
        <Field label="Size" hint="bytes of payload">
          <input
            type="number"
            min={0}
            max={65_000}
            value={state.size}
            disabled={state.payload !== ""}
            onChange={(event) => change({ size: event.target.value })}
          />
        </Field>
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
      <Field label="Name to ask for">
        <input
          value={state.dnsName}
          spellCheck={false}
          placeholder="example.org"
          onChange={(event) => change({ dnsName: event.target.value })}
        />
      </Field>
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
      <Field label="Speed" hint="2 = twice as fast; empty = as recorded">
        <input
          type="number"
          min={0}
          step="any"
          value={state.timeScale}
          onChange={(event) => change({ timeScale: event.target.value })}
        />
      </Field>
    </>
  );
}
