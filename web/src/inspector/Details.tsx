// SPDX-License-Identifier: Apache-2.0
// Metadata and record of a node or a link, narrowed to what somebody looks for.

import { useMemo, useState } from "react";
import type { Edge, Json, Node } from "../api/types";
import { dateTime } from "../ui/format";
import { MetadataTree } from "./MetadataTree";
import { narrowed } from "./tree";

interface Props {
  element: Node | Edge;
  /** Whether other nodes can be found by its values. */
  queries: boolean;
}

export function Details({ element, queries }: Props) {
  const [filter, setFilter] = useState("");
  const looking = filter.trim() !== "";
  const metadata = useMemo(() => narrowed(element.Metadata, filter), [element.Metadata, filter]);
  const record = useMemo(() => narrowed(recordOf(element), filter), [element, filter]);
  const nothing = looking && Object.keys(metadata).length === 0 && Object.keys(record).length === 0;
  return (
    <div className="stack fill">
      <input
        className="filter details-filter"
        type="search"
        placeholder="Filter keys and values"
        aria-label="Filter keys and values"
        value={filter}
        onChange={(event) => setFilter(event.target.value)}
      />
      <div className="scroll">
        {nothing ? <p className="muted">No key and no value has that.</p> : null}
        {/* Anew for each filter: branches that were opened by hand are not those that it opens. */}
        <MetadataTree key={looking ? "found" : "all"} data={metadata} open={looking} queries={queries} />
        {Object.keys(record).length > 0 ? <h3 className="block-title">Record</h3> : null}
        <MetadataTree label="Record" data={record} />
      </div>
    </div>
  );
}

function recordOf(element: Node | Edge): Record<string, Json> {
  return {
    ID: element.ID,
    Host: element.Host,
    Origin: element.Origin,
    Created: dateTime(element.CreatedAt),
    Updated: dateTime(element.UpdatedAt),
    Revision: element.Revision,
  };
}
