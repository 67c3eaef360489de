// SPDX-License-Identifier: Apache-2.0
// Colours and shapes of the canvas for both themes.

import type { StylesheetJson } from "cytoscape";
import type { Theme } from "../state/theme";
import type { Kind } from "./appearance";

interface Palette {
  readonly text: string;
  readonly muted: string;
  readonly halo: string;
  readonly line: string;
  readonly group: string;
  readonly groupBorder: string;
  readonly off: string;
  readonly accent: string;
  readonly amber: string;
  readonly green: string;
  readonly red: string;
}

const PALETTES: Readonly<Record<Theme, Palette>> = {
  light: {
    text: "#243042",
    muted: "#68758a",
    halo: "#f5f7fa",
    line: "#9fabba",
    group: "#5b7fb5",
    groupBorder: "#c3cedd",
    off: "#b4bdc9",
    accent: "#2563d9",
    amber: "#d18a00",
    green: "#1a9d5a",
    red: "#c73a3a",
  },
  dark: {
    text: "#d7dee8",
    muted: "#8593a6",
    halo: "#10151c",
    line: "#4c5a6c",
    group: "#7ea2d8",
    groupBorder: "#2f3b4b",
    off: "#4a5463",
    accent: "#6aa2ff",
    amber: "#e8ab3a",
    green: "#3ecb85",
    red: "#ff7d76",
  },
};

const FILLS: Readonly<Record<Kind, string>> = {
  host: "#4a5b73",
  netns: "#2b8a9d",
  container: "#2c7fb8",
  vm: "#6b5bb5",
  bridge: "#3d8f63",
  port: "#6fa57f",
  veth: "#3f74c9",
  tap: "#7d5cc0",
  tunnel: "#c0713a",
  vlan: "#a8842c",
  loopback: "#7b8797",
  interface: "#4c78a8",
  other: "#6d7889",
};

const ICONS_AT = new URL("icons/", document.baseURI.replace(/[?#].*$/, "")).href;
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';

const iconOf = (kind: Kind): string => `${ICONS_AT}${kind}.svg`;
const badgeOf = (mark: string): string => `${ICONS_AT}badge-${mark}.svg`;

/** Cytoscape's type of a style sheet knows less than its style engine: lists for several pictures on a node. */
export function canvasStyle(theme: Theme): StylesheetJson {
  const palette = PALETTES[theme];
  return [...nodeStyles(palette), ...markStyles(palette), ...edgeStyles(palette)] as StylesheetJson;
}

function nodeStyles(palette: Palette): object[] {
  const kinds = (Object.keys(FILLS) as Kind[]).map((kind) => ({
    selector: `node[kind = "${kind}"]`,
    style: { "background-color": FILLS[kind], "background-image": [iconOf(kind)] },
  }));
  return [
    {
      selector: "node",
      style: {
        shape: "round-rectangle",
        width: 36,
        height: 36,
        "background-fit": "none",
        "background-width": ["20px"],
        "background-height": ["20px"],
        "background-clip": ["none", "none"],
        "background-image-containment": ["over", "over"],
        "bounds-expansion": 12,
        "border-width": 0,
        label: "data(label)",
        color: palette.text,
        "font-family": FONT,
        "font-size": 11,
        "text-valign": "bottom",
        "text-margin-y": 5,
        "text-outline-color": palette.halo,
        "text-outline-width": 2,
        "min-zoomed-font-size": 6,
        "overlay-opacity": 0,
      },
    },
    ...kinds,
    { selector: "node[kind = 'bridge'], node[kind = 'host']", style: { width: 44, height: 44 } },
    {
      selector: "node[state = 'off']",
      style: { "background-color": palette.off, color: palette.muted },
    },
    { selector: "node.pinned", style: { "border-width": 2, "border-color": palette.text } },
    {
      selector: "node[state = 'nocarrier']",
      style: { "border-width": 2, "border-color": palette.amber, "border-style": "dashed" },
    },
    {
      selector: "node.closed",
      style: { "border-width": 3, "border-color": palette.groupBorder, "border-style": "double", "font-weight": 600 },
    },
    {
      selector: "node.open",
      style: {
        "background-color": palette.group,
        "background-image": "none",
        "background-opacity": 0.07,
        "border-width": 1,
        "border-color": palette.groupBorder,
        "border-opacity": 1,
        shape: "round-rectangle",
        "corner-radius": 10,
        padding: 20,
        "text-valign": "top",
        "text-margin-y": -5,
        "font-size": 12,
        "font-weight": 600,
        color: palette.muted,
      },
    },
  ];
}

function markStyles(palette: Palette): object[] {
  const kinds = Object.keys(FILLS) as Kind[];
  const badges = ["active", "starting", "failed"].flatMap((mark) =>
    kinds.map((kind) => ({
      selector: `node[kind = "${kind}"][capture = "${mark}"]`,
      style: {
        "background-image": [iconOf(kind), badgeOf(mark)],
        "background-width": ["20px", "16px"],
        "background-height": ["20px", "16px"],
        "background-position-x": ["50%", "100%"],
        "background-position-y": ["50%", "0%"],
        "background-offset-x": ["0px", "7px"],
        "background-offset-y": ["0px", "-7px"],
      },
    })),
  );
  return [
    ...badges,
    { selector: "node.open[capture]", style: { "background-image": "none" } },
    // A frame's opacity would be that of all inside it.
    { selector: "node.dim:childless", style: { opacity: 0.25 } },
    { selector: "node.dim.open", style: { "text-opacity": 0.5, "border-opacity": 0.5 } },
    ...ring("node.found", palette.accent, 4),
    { selector: "node.gone", style: { "border-width": 2, "border-color": palette.red, "border-style": "dashed" } },
    ...ring("node.match", palette.amber, 5),
    ...ring("node.picked", palette.green, 6),
    ...ring("node.flash", palette.accent, 14),
    {
      selector: "node.selected",
      style: { "outline-width": 3, "outline-color": palette.accent, "outline-offset": 3, "outline-opacity": 1 },
    },
    { selector: "node.open.selected", style: { "border-color": palette.accent } },
  ];
}

/** Around a frame it is the border: below it, it would colour everything inside. */
function ring(selector: string, colour: string, padding: number): object[] {
  const below = {
    "underlay-color": colour,
    "underlay-padding": padding,
    "underlay-opacity": 0.45,
    "underlay-shape": "round-rectangle",
  };
  return [
    { selector, style: below },
    { selector: `${selector}.open`, style: { "underlay-opacity": 0, "border-color": colour, "border-width": 2 } },
  ];
}

function edgeStyles(palette: Palette): object[] {
  return [
    {
      selector: "edge",
      style: {
        width: 1.6,
        "line-color": palette.line,
        "curve-style": "bezier",
        "overlay-opacity": 0,
        color: palette.muted,
        "font-family": FONT,
        "font-size": 9,
        "text-outline-color": palette.halo,
        "text-outline-width": 2,
        "min-zoomed-font-size": 8,
      },
    },
    { selector: "edge[kind = 'veth']", style: { "line-style": "dashed", "line-dash-pattern": [6, 4] } },
    { selector: "edge[kind = 'patch']", style: { "line-style": "dashed", "line-dash-pattern": [3, 3] } },
    { selector: "edge[count > 1]", style: { width: 2.6, label: "data(count)" } },
    { selector: "edge[rate]", style: { label: "data(rate)", width: "mapData(weight, 3, 10, 1.6, 7)" } },
    { selector: "edge[load = 'busy']", style: { "line-color": palette.amber } },
    { selector: "edge[load = 'full']", style: { "line-color": palette.red } },
    { selector: "edge.dim", style: { opacity: 0.2 } },
    {
      selector: "edge.selected",
      style: { "underlay-color": palette.accent, "underlay-padding": 5, "underlay-opacity": 0.4 },
    },
  ];
}
