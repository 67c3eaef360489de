// SPDX-License-Identifier: Apache-2.0
// Rates of an interface over the last minutes, and what its counters added up to.

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { nodeMetrics } from "../api/client";
import { place } from "../state/place";
import { useStore } from "../state/store";
import { bitRate, bytes, count } from "../ui/format";
import { EmptyState, ErrorNote, messageOf } from "../ui/widgets";
import { Chart } from "./Chart";
import { counterTotals, rates } from "./rates";

const WINDOW_S = 600;
const REFRESH_MS = 5000;

const packetRate = (value: number): string => `${value < 10 ? value.toFixed(1) : count(value)}/s`;

export default function MetricsPanel({ nodeId }: { nodeId: string }) {
  const { at } = useStore(place);
  const query = useQuery({
    queryKey: ["metrics", nodeId],
    queryFn: ({ signal }) => nodeMetrics(nodeId, WINDOW_S, signal),
    refetchInterval: REFRESH_MS,
  });
  const points = useMemo(() => query.data ?? [], [query.data]);
  const series = useMemo(
    () => ({ bits: rates(points, "bits"), packets: rates(points, "packets"), errors: rates(points, "errors") }),
    [points],
  );
  if (at) {
    return (
      <EmptyState icon="clock" title="Charts show the present">
        The map shows another time. Go back to now to see the last 10 minutes.
      </EmptyState>
    );
  }
  if (query.isError) return <ErrorNote>Metrics could not be read: {messageOf(query.error)}</ErrorNote>;
  if (query.isPending) return null;
  if (points.length === 0) {
    return (
      <EmptyState icon="dots" title="No counters in the last 10 minutes">
        Interfaces report theirs at intervals; an interface that is silent, or is not one, has none.
      </EmptyState>
    );
  }
  return (
    <div className="scroll">
      <Chart title="Traffic" series={series.bits} format={bitRate} />
      <Chart title="Packets" series={series.packets} format={packetRate} />
      {hasAny(series.errors) ? <Chart title="Errors and drops" series={series.errors} format={packetRate} /> : null}
      <h3 className="block-title">Last 10 minutes</h3>
      <dl className="facts">
        {counterTotals(points).map(([name, total]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{name.endsWith("Bytes") ? `${bytes(total)} (${count(total)})` : count(total)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function hasAny({ received, sent }: { received: number[]; sent: number[] }): boolean {
  return received.some((value) => value > 0) || sent.some((value) => value > 0);
}
