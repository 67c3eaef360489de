// SPDX-License-Identifier: Apache-2.0
// A result of any shape as a table; a chosen row is shown in full.

import { useMemo, useState } from "react";
import { MetadataTree } from "../inspector/MetadataTree";
import { go } from "../state/place";
import { useSession } from "../state/session";
import { text } from "../state/metadata";
import { jumpTo } from "../topology/jump";
import { plural } from "../ui/format";
import { VirtualTable, type Column } from "../ui/VirtualTable";
import { Button, EmptyState, IconButton } from "../ui/widgets";
import { cellOf, cellText, columnsOf, type ResultColumn } from "./columns";
import type { Result, Row } from "./result";

/** Shown unless the user chose. */
const MOST_COLUMNS = 24;
const MOST_OFFERED = 200;
const WIDEST = 240;
const NARROWEST = 56;
const CHARACTER = 7.2;

export function ResultTable({ result }: { result: Result }) {
  const [chosen, setChosen] = useState("");
  const all = useMemo(() => columnsOf(result.rows), [result]);
  const columns = useMemo(
    () => all.slice(0, MOST_OFFERED).map((column, at) => ({ ...toColumn(column), optional: at >= MOST_COLUMNS })),
    [all],
  );
  const row = result.rows[Number(chosen)];
  if (result.rows.length === 0) return <EmptyState icon="search" title="Nothing found" />;
  return (
    <div className="split">
      <section className="stack fill" aria-label="Rows">
        <VirtualTable
          label="Result"
          kept="result"
          testId="result-table"
          rows={result.rows}
          columns={columns}
          idOf={(one) => one.id}
          chosen={chosen}
          onChoose={setChosen}
        />
        {all.length > MOST_COLUMNS ? (
          <p className="table-note muted">{plural(all.length - MOST_COLUMNS, "more column")} to choose, in CSV, JSON and a chosen row</p>
        ) : null}
      </section>
      {chosen !== "" && row ? <Detail row={row} result={result} onClose={() => setChosen("")} /> : null}
    </div>
  );
}

function Detail({ row, result, onClose }: { row: Row; result: Result; onClose: () => void }) {
  const session = useSession();
  const id = text(row.data["@ID"]);
  const shown = result.nodes.has(id);
  const alive = session.graph.get().nodes.has(id);
  return (
    <section className="stack fill" aria-label="Row">
      <header className="section-head">
        <h3 className="ellipsis">{text(row.data["Name"]) || "Row"}</h3>
        <span className="spring" />
        {shown && alive ? (
          <>
            <Button icon="target" onClick={() => jumpTo(id)}>
              On the map
            </Button>
            <Button onClick={() => go({ tab: "node", node: id, view: "" })}>Inspect</Button>
          </>
        ) : null}
        {shown && !alive ? <span className="muted">not in the live graph</span> : null}
        <IconButton icon="close" label="Close" onClick={onClose} />
      </header>
      <div className="scroll">
        <MetadataTree data={row.data} />
      </div>
    </section>
  );
}

function widthOf(column: ResultColumn): number {
  const characters = Math.max(column.title.length + 2, column.longest);
  return Math.round(Math.min(WIDEST, Math.max(NARROWEST, characters * CHARACTER)));
}

function toColumn(column: ResultColumn): Column<Row> {
  const width = widthOf(column);
  return {
    id: JSON.stringify(column.path),
    title: column.title,
    // Every row is a grid of its own: only sizes that do not depend on its content keep the columns straight.
    width: column.numeric ? `${width}px` : `minmax(${width}px, 1fr)`,
    numeric: column.numeric,
    value: (row) => sortable(row, column),
    show: (row) => {
      const shown = cellText(cellOf(row, column));
      return <span title={shown.slice(0, 500)}>{shown.slice(0, 200)}</span>;
    },
  };
}

/** Within a column numbers are compared as numbers; where some rows have texts, all are texts. */
function sortable(row: Row, column: ResultColumn): string | number | null {
  const value = cellOf(row, column);
  if (column.numeric) return typeof value === "number" ? value : null;
  return value === undefined ? "" : cellText(value);
}
