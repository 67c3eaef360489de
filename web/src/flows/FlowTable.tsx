// SPDX-License-Identifier: Apache-2.0
// Flows of a node or a capture, read again every two seconds while somebody looks.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { listFlows, type FlowScope } from "../api/client";
import { flowsAt } from "../api/network";
import type { Flow, Gathered } from "../api/shapes";
import { refine, place } from "../state/place";
import { useStore } from "../state/store";
import { bytes, clockTime, count, duration, plural } from "../ui/format";
import { EmptyState, ErrorNote, IconButton, messageOf } from "../ui/widgets";
import { MissingHosts } from "../ui/MissingHosts";
import { VirtualTable, type Column } from "../ui/VirtualTable";
import { useFlowPath } from "./useFlowPath";
import { filterRows, toRow, type FlowRow } from "./rows";

const LIMIT = 2000;
const REFRESH_MS = 2000;
const NOTHING: Gathered<Flow> = { rows: [], missingHosts: [] };
/** Until then the rows are those of another capture, interface or moment. */
const READING = "Reading…";

const address = (text: string) => <code title={text}>{text}</code>;
const packets = (row: FlowRow) => <span title="A to B / B to A">{`${count(row.packetsAB)} / ${count(row.packetsBA)}`}</span>;
const firstSeen = (row: FlowRow) => <span title={clockTime(row.start)}>{clockTime(row.start).slice(0, 8)}</span>;
const lastSeen = (row: FlowRow) => <span title={clockTime(row.last)}>{clockTime(row.last).slice(0, 8)}</span>;

const COLUMNS: readonly Column<FlowRow>[] = [
  { id: "app", title: "Application", width: "minmax(104px, 0.8fr)", value: (row) => row.application, show: application },
  { id: "a", title: "A", width: "minmax(98px, 1.6fr)", value: (row) => row.a, show: (row) => address(row.a) },
  { id: "b", title: "B", width: "minmax(98px, 1.6fr)", value: (row) => row.b, show: (row) => address(row.b) },
  { id: "packets", title: "Packets", width: "66px", numeric: true, value: (row) => row.packetsAB + row.packetsBA, show: packets },
  { id: "bytes", title: "Bytes", width: "62px", numeric: true, value: (row) => row.bytes, show: (row) => bytes(row.bytes) },
  { id: "rtt", title: "RTT", width: "56px", numeric: true, value: (row) => row.rtt, show: (row) => (row.rtt === null ? "–" : duration(row.rtt)) },
  { id: "state", title: "State", width: "64px", optional: true, value: (row) => row.state },
  { id: "start", title: "Start", width: "64px", numeric: true, optional: true, value: (row) => row.start, show: firstSeen },
  { id: "bytesAB", title: "Bytes A to B", width: "84px", numeric: true, optional: true, value: (row) => row.bytesAB, show: (row) => bytes(row.bytesAB) },
  { id: "bytesBA", title: "Bytes B to A", width: "84px", numeric: true, optional: true, value: (row) => row.bytesBA, show: (row) => bytes(row.bytesBA) },
  { id: "network", title: "Network", width: "64px", optional: true, value: (row) => row.network },
  { id: "transport", title: "Transport", width: "70px", optional: true, value: (row) => row.transport },
  { id: "layers", title: "Layers", width: "minmax(120px, 1fr)", optional: true, value: (row) => row.flow.LayersPath ?? "", show: (row) => address(row.flow.LayersPath ?? "") },
  { id: "interface", title: "Interface TID", width: "minmax(120px, 1fr)", optional: true, value: (row) => row.flow.NodeTID ?? "", show: (row) => address(row.flow.NodeTID ?? "") },
  { id: "tracking", title: "Tracking ID", width: "minmax(120px, 1fr)", optional: true, value: (row) => row.flow.TrackingID ?? "", show: (row) => address(row.flow.TrackingID ?? "") },
  { id: "uuid", title: "UUID", width: "minmax(120px, 1fr)", optional: true, value: (row) => row.flow.UUID, show: (row) => address(row.flow.UUID) },
  { id: "last", title: "Last", width: "60px", numeric: true, value: (row) => row.last, show: lastSeen },
];
function application(row: FlowRow) {
  return (
    <span className="flow-app" title={`${row.application} ${row.flow.LayersPath ?? ""}`}>
      <span className={row.state === "open" ? "dot green" : "dot grey"} title={row.state} />
      <span className="ellipsis">{row.application}</span>
    </span>
  );
}

interface Props {
  scope: FlowScope;
  chosen: string;
  onChoose: (row: FlowRow | null) => void;
  /** Told what has become of the chosen flow each time that flows are read. */
  onFresh?: (row: FlowRow) => void;
  empty: string;
}

export function FlowTable({ scope, chosen, onChoose, onFresh, empty }: Props) {
  const { filter, at } = useStore(place);
  const [live, setLive] = useState(true);
  const query = useQuery({
    queryKey: ["flows", scope, at],
    queryFn: ({ signal }) => (at ? flowsAt(Number(at), scope, LIMIT, signal) : listFlows(scope, LIMIT, signal)),
    refetchInterval: live && !at ? REFRESH_MS : false,
    placeholderData: keepPreviousData,
  });
  const found = query.data ?? NOTHING;
  const rows = useMemo(() => found.rows.map(toRow), [found]);
  const shown = useMemo(() => filterRows(rows, filter), [rows, filter]);
  const flow = rows.find((row) => row.id === chosen);
  useEffect(() => {
    if (flow) onFresh?.(flow);
  }, [flow, onFresh]);
  return (
    <section className="stack fill" aria-label="Flows">
      <header className="section-head">
        <h3>Flows</h3>
        <span className="muted">{query.isPlaceholderData ? READING : summary(rows.length, shown.length)}</span>
        <FlowPath flow={flow} />
        <input
          className="filter"
          type="search"
          placeholder="Filter flows"
          aria-label="Filter flows"
          value={filter}
          onChange={(event) => refine({ filter: event.target.value })}
        />
        {at ? null : <Follow live={live} onTurn={setLive} />}
      </header>
      {query.isPending ? <EmptyState icon="hourglass" title="Reading flows" /> : null}
      {query.isError ? <ErrorNote>Flows could not be read: {messageOf(query.error)}</ErrorNote> : null}
      <MissingHosts hosts={found.missingHosts} what="flows" />
      {query.isSuccess && shown.length === 0 ? <Nothing filtered={rows.length > 0} empty={empty} /> : null}
      {shown.length > 0 ? (
        <VirtualTable
          label="Flows"
          kept="flows"
          testId="flows"
          rows={shown}
          columns={COLUMNS}
          idOf={(row) => row.id}
          chosen={chosen}
          onChoose={(id) => onChoose(shown.find((row) => row.id === id) ?? null)}
          sort={[{ id: "last", desc: true }]}
        />
      ) : null}
    </section>
  );
}

function Nothing({ filtered, empty }: { filtered: boolean; empty: string }) {
  return (
    <EmptyState icon="search" title={filtered ? "No flow matches the filter" : "No flows"}>
      {filtered ? null : empty}
    </EmptyState>
  );
}

function Follow({ live, onTurn }: { live: boolean; onTurn: (live: boolean) => void }) {
  return (
    <IconButton
      icon={live ? "pause" : "play"}
      label={live ? "Hold the table still" : "Follow live"}
      onClick={() => onTurn(!live)}
    />
  );
}

/** The way of the chosen flow: its interfaces are ringed on the map. */
function FlowPath({ flow }: { flow: FlowRow | undefined }) {
  const path = useFlowPath(flow);
  if (path.length === 0) return null;
  return (
    <span className="chip" title="They are ringed on the map" data-testid="flow-path">
      seen on {plural(path.length, "interface")}
    </span>
  );
}

function summary(all: number, shown: number): string {
  const limited = all >= LIMIT ? ` (the ${count(LIMIT)} most recent)` : "";
  return shown === all ? `${count(all)}${limited}` : `${count(shown)} of ${count(all)}${limited}`;
}
