// SPDX-License-Identifier: Apache-2.0
// One uPlot chart of two rates over time, redrawn when data, theme or width change.

import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { theme } from "../state/theme";
import { useStore } from "../state/store";
import { clockTime } from "../ui/format";
import type { Series } from "./rates";

const HEIGHT = 132;

interface Props {
  title: string;
  series: Series;
  format: (value: number) => string;
}

export function Chart({ title, series, format }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const look = useStore(theme);
  useEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    const plot = new uPlot(options(element.clientWidth, format), [series.times, series.received, series.sent], element);
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [series, format, look]);
  return (
    <figure className="chart">
      <figcaption>
        {title}
        <span className="legend">
          <span className="swatch received" />
          received {format(series.received.at(-1) ?? 0)}
          <span className="swatch sent" />
          sent {format(series.sent.at(-1) ?? 0)}
        </span>
      </figcaption>
      <div ref={frame} role="img" aria-label={`${title} over time`} />
    </figure>
  );
}

function options(width: number, format: (value: number) => string): uPlot.Options {
  const styles = getComputedStyle(document.documentElement);
  const colour = (name: string): string => styles.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--muted"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  const line = (label: string, stroke: string): uPlot.Series => ({
    label,
    stroke,
    width: 1.6,
    points: { show: false },
    value: (_: uPlot, value: number | null) => (value === null ? "–" : format(value)),
  });
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { points: { size: 6 }, y: false, sync: { key: "metrics" } },
    scales: { y: { range: (_, __, max) => [0, Math.max(max * 1.1, 1)] } },
    axes: [
      { ...axis, size: 26, values: (_, ticks, __, ___, step) => ticks.map((tick) => timeLabel(tick, step)) },
      { ...axis, size: 78, values: (_, ticks) => ticks.map((tick) => format(tick)) },
    ],
    series: [{}, line("received", colour("--series-1")), line("sent", colour("--series-2"))],
  };
}

/** The time of day, with seconds where the labels stand less than a minute apart. */
function timeLabel(unixSeconds: number, step: number): string {
  return clockTime(unixSeconds * 1000).slice(0, step < 60 ? 8 : 5);
}
