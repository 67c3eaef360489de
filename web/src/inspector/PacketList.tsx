// SPDX-License-Identifier: Apache-2.0
// The kept packets of one interface, decoded by the server, with their bytes on demand.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { listPackets, packetsPath, type PacketScope } from "../api/client";
import type { DecodedPacket } from "../api/shapes";
import { Icon } from "../ui/Icon";
import { clockTime, count } from "../ui/format";
import { EmptyState, ErrorNote, IconButton, messageOf } from "../ui/widgets";
import { MissingHosts } from "../ui/MissingHosts";
import { VirtualTable, type Column } from "../ui/VirtualTable";
import { hexLines } from "./hex";

const LIMIT = 1000;
const REFRESH_MS = 2000;

// Numbers begin anew when an interface is made again under its old TID.
const packetId = (packet: DecodedPacket): string => `${packet.NodeTID ?? ""}/${packet.Time}/${packet.Number}`;

type Names = ReadonlyMap<string, string> | null;

function interfaceColumn(names: Names): Column<DecodedPacket>[] {
  if (!names) return [];
  const name = (packet: DecodedPacket): string => names.get(packet.NodeTID ?? "") ?? "";
  return [{ id: "interface", title: "Interface", width: "minmax(60px, 0.6fr)", value: name }];
}

function columnsFrom(firstNs: number, names: Names): Column<DecodedPacket>[] {
  const sinceFirst = (packet: DecodedPacket): string => ((packet.Time - firstNs) / 1e9).toFixed(6);
  return [
    { id: "number", title: "No.", width: "36px", numeric: true, value: (packet) => packet.Number + 1 },
    {
      id: "time",
      title: "Time (s)",
      width: "70px",
      numeric: true,
      value: (packet) => packet.Time,
      show: (packet) => <span title={clockTime(packet.Time / 1e6)}>{sinceFirst(packet)}</span>,
    },
    ...interfaceColumn(names),
    { id: "source", title: "Source", width: "minmax(98px, 1fr)", value: (packet) => packet.Source, show: (packet) => <code title={packet.Source}>{packet.Source}</code> },
    { id: "destination", title: "Destination", width: "minmax(98px, 1fr)", value: (packet) => packet.Destination, show: (packet) => <code title={packet.Destination}>{packet.Destination}</code> },
    { id: "protocol", title: "Protocol", width: "62px", value: (packet) => packet.Protocol },
    { id: "length", title: "Length", width: "48px", numeric: true, value: (packet) => packet.Length },
    { id: "flow", title: "Flow", width: "minmax(98px, 1fr)", optional: true, value: (packet) => packet.FlowUUID ?? "", show: (packet) => <code title={packet.FlowUUID}>{packet.FlowUUID}</code> },
    { id: "clock", title: "Clock", width: "96px", optional: true, value: (packet) => packet.Time, show: (packet) => clockTime(packet.Time / 1e6) },
    { id: "info", title: "Info", width: "minmax(120px, 2.6fr)", value: (packet) => packet.Info, show: (packet) => <span title={packet.Info}>{packet.Info}</span> },
  ];
}

/** Until then the rows are those of another flow, capture or interface. */
const READING = "Reading…";

function amount(packets: number): string {
  return packets >= LIMIT ? `the first ${count(LIMIT)}` : count(packets);
}

interface Props {
  scope: PacketScope;
  /** Names of interfaces by TID, to be shown where packets come from several. */
  names: Names;
  onlyFlow: string;
  onAllFlows: () => void;
}

export function PacketList({ scope, names, onlyFlow, onAllFlows }: Props) {
  const [chosen, setChosen] = useState("");
  const query = useQuery({
    queryKey: ["packets", scope],
    queryFn: ({ signal }) => listPackets(scope, LIMIT, signal),
    // The first packets never change; there is nothing to read again once the list is full.
    refetchInterval: ({ state }) => ((state.data?.rows.length ?? 0) >= LIMIT ? false : REFRESH_MS),
    placeholderData: keepPreviousData,
  });
  const packets = useMemo(() => query.data?.rows ?? [], [query.data]);
  const columns = useMemo(() => columnsFrom(packets[0]?.Time ?? 0, names), [packets, names]);
  const open = packets.find((packet) => packetId(packet) === chosen);
  return (
    <section className="stack fill" aria-label="First packets">
      <header className="section-head">
        <h3>First packets</h3>
        <span className="muted">{query.isPlaceholderData ? READING : amount(packets.length)}</span>
        {onlyFlow ? (
          <button type="button" className="chip" onClick={onAllFlows} title="Show packets of all flows">
            {onlyFlow}
            <Icon name="close" size={12} />
          </button>
        ) : null}
        <span className="spring" />
        <a className="button" href={packetsPath(scope)} download>
          <Icon name="download" size={15} />
          pcapng
        </a>
      </header>
      {query.isPending ? <EmptyState icon="hourglass" title="Reading packets" /> : null}
      {query.isError ? <ErrorNote>Packets could not be read: {messageOf(query.error)}</ErrorNote> : null}
      <MissingHosts hosts={query.data?.missingHosts} what="packets" />
      {packets.length > 0 ? (
        <VirtualTable
          label="Packets"
          kept="packets"
          testId="packets"
          rows={packets}
          columns={columns}
          idOf={packetId}
          chosen={chosen}
          onChoose={setChosen}
        />
      ) : query.isSuccess ? (
        <EmptyState icon="dots" title="No packet yet">
          The capture is open; the first packet will be listed here.
        </EmptyState>
      ) : null}
      {open?.Data ? <HexPane packet={open} data={open.Data} onClose={() => setChosen("")} /> : null}
    </section>
  );
}

function HexPane({ packet, data, onClose }: { packet: DecodedPacket; data: string; onClose: () => void }) {
  const lines = useMemo(() => hexLines(data), [data]);
  return (
    <div className="hex" data-testid="hex">
      <header className="section-head">
        <h4>Packet {packet.Number + 1}</h4>
        <span className="muted">
          {packet.Protocol}, {packet.Length} bytes, {clockTime(packet.Time / 1e6)}
        </span>
        <span className="spring" />
        <IconButton icon="close" label="Close the bytes" onClick={onClose} />
      </header>
      <pre tabIndex={0}>{lines.map((line) => `${line.offset}  ${line.bytes}  ${line.characters}\n`)}</pre>
    </div>
  );
}
