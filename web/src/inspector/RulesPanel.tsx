// SPDX-License-Identifier: Apache-2.0
// OpenFlow rules and groups of a bridge or port, asked of the switch when the panel is opened, and again on demand.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { openFlowOf } from "../api/network";
import type { QueryAnswer } from "../api/shapes";
import { place } from "../state/place";
import { useStore } from "../state/store";
import { bytes, count } from "../ui/format";
import { VirtualTable, type Column } from "../ui/VirtualTable";
import { Button, EmptyState, ErrorNote, IconButton, messageOf, Tabs } from "../ui/widgets";
import { MetadataTree } from "./MetadataTree";
import { filterRules, rowsOf, type OpenFlowKind, type OpenFlowRow } from "./rules";

const code = (text: string) => <code title={text}>{text}</code>;
const counter = (value: number | null, show: (value: number) => string) => (value === null ? "–" : show(value));

const COUNTERS: readonly Column<OpenFlowRow>[] = [
  { id: "packets", title: "Packets", width: "66px", numeric: true, value: (row) => row.packets, show: (row) => counter(row.packets, count) },
  { id: "bytes", title: "Bytes", width: "66px", numeric: true, value: (row) => row.bytes, show: (row) => counter(row.bytes, bytes) },
];

const COLUMNS: Readonly<Record<OpenFlowKind, readonly Column<OpenFlowRow>[]>> = {
  rules: [
    { id: "table", title: "Table", width: "46px", numeric: true, value: (row) => row.table },
    { id: "priority", title: "Priority", width: "56px", numeric: true, value: (row) => row.priority },
    { id: "match", title: "Match", width: "minmax(120px, 1.4fr)", value: (row) => row.match, show: (row) => code(row.match) },
    { id: "actions", title: "Actions", width: "minmax(120px, 1.6fr)", value: (row) => row.actions, show: (row) => code(row.actions) },
    ...COUNTERS,
  ],
  groups: [
    { id: "group", title: "Group", width: "66px", numeric: true, value: (row) => row.priority },
    { id: "type", title: "Type", width: "66px", value: (row) => row.match },
    { id: "buckets", title: "Buckets", width: "minmax(120px, 1fr)", value: (row) => row.actions, show: (row) => code(row.actions) },
    ...COUNTERS,
  ],
};

export default function RulesPanel({ nodeId }: { nodeId: string }) {
  const { at } = useStore(place);
  const [kind, setKind] = useState<OpenFlowKind>("rules");
  if (at) {
    return (
      <EmptyState icon="clock" title="Rules are not recorded">
        The map shows another time. Go back to now to ask the switch.
      </EmptyState>
    );
  }
  return (
    <div className="stack fill">
      <Tabs<OpenFlowKind>
        small
        label="OpenFlow"
        chosen={kind}
        onChoose={setKind}
        items={[
          { id: "rules", label: "Rules" },
          { id: "groups", label: "Groups" },
        ]}
      />
      <Listing key={kind} nodeId={nodeId} kind={kind} />
    </div>
  );
}

function Listing({ nodeId, kind }: { nodeId: string; kind: OpenFlowKind }) {
  const [filter, setFilter] = useState("");
  const [chosen, setChosen] = useState("");
  const query = useQuery({
    queryKey: ["openflow", kind, nodeId],
    queryFn: ({ signal }) => openFlowOf(nodeId, kind, signal),
    // A switch is asked when somebody wants to know, not because a window got the focus.
    refetchOnWindowFocus: false,
    staleTime: 0,
    placeholderData: keepPreviousData,
  });
  const rows = useMemo(() => (query.data ? rowsOf(kind, query.data.value) : []), [query.data, kind]);
  const shown = useMemo(() => filterRules(rows, filter), [rows, filter]);
  const open = shown.find((row) => row.id === chosen);
  const noun = kind === "rules" ? "rule" : "group";
  return (
    <section className="stack fill" aria-label={`OpenFlow ${kind}`}>
      <header className="section-head">
        <span className="muted" role="status" data-testid="rules-count">
          {query.isSuccess ? amount(rows.length, shown.length, noun) : ""}
        </span>
        <input
          className="filter"
          type="search"
          placeholder={`Filter ${kind}`}
          aria-label={`Filter ${kind}`}
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
        />
        <Button disabled={query.isFetching} onClick={() => void query.refetch()}>
          Refresh
        </Button>
      </header>
      {query.isPending ? <EmptyState icon="hourglass" title="Asking the switch" /> : null}
      {query.isError ? <ErrorNote>The switch could not be asked: {messageOf(query.error)}</ErrorNote> : null}
      {query.data ? <Missing answer={query.data} /> : null}
      {shown.length > 0 ? (
        <VirtualTable
          label={`OpenFlow ${kind}`}
          testId="rules"
          kept={kind}
          rows={shown}
          columns={COLUMNS[kind]}
          idOf={(row) => row.id}
          chosen={chosen}
          onChoose={setChosen}
        />
      ) : query.isSuccess ? (
        <EmptyState icon="search" title={rows.length > 0 ? `No ${noun} matches the filter` : `No ${kind}`} />
      ) : null}
      {open ? <Detail row={open} noun={noun} onClose={() => setChosen("")} /> : null}
    </section>
  );
}

function Missing({ answer }: { answer: QueryAnswer }) {
  const reasons = [...answer.missingHosts.map((host) => `${host} did not answer`), ...answer.notes];
  return reasons.map((reason) => <ErrorNote key={reason}>{reason}</ErrorNote>);
}

function Detail({ row, noun, onClose }: { row: OpenFlowRow; noun: string; onClose: () => void }) {
  return (
    <section className="hex" aria-label={`Chosen ${noun}`}>
      <header className="section-head">
        <h4>The {noun}</h4>
        <span className="spring" />
        <IconButton icon="close" label={`Close the ${noun}`} onClick={onClose} />
      </header>
      <div className="scroll">
        <MetadataTree data={row.data} open />
      </div>
    </section>
  );
}

function amount(all: number, shown: number, noun: string): string {
  const what = `${count(all)} ${noun}${all === 1 ? "" : "s"}`;
  return shown === all ? what : `${count(shown)} of ${what}`;
}
