// SPDX-License-Identifier: Apache-2.0
// Expressions and commands made from what was picked on the page. Pure.

import type { CaptureDraft } from "../api/shapes";
import type { Node } from "../api/types";
import { text } from "../state/metadata";
import { spelt } from "./definition";

/** Quote for the query language: a value of a network must not end the string it stands in. */
export function quoted(value: string): string {
  return `'${value.replace(/[\\']/g, (character) => `\\${character}`)}'`;
}

/** One node by its TID; two = every node on the shortest layer-2 path between them. */
export function expressionFor(first: Node, second: Node | null): string {
  const start = `G.V().${has(first)}`;
  if (!second) return start;
  const end = tid(second) ? `Metadata('TID', ${quoted(tid(second))})` : `Metadata('@ID', ${quoted(second.ID)})`;
  return `${start}.ShortestPathTo(${end}, Metadata('RelationType', 'layer2'))`;
}

/** All of these nodes, by what stays with an interface when it is made anew, where all have it. */
export function expressionForAll(nodes: readonly Node[]): string {
  const [first] = nodes;
  if (first && nodes.length === 1) return expressionFor(first, null);
  const tids = nodes.map(tid).filter(Boolean);
  const whole = tids.length === nodes.length;
  const values = (whole ? tids : nodes.map(({ ID: id }) => id)).map(quoted);
  return `G.V().Has('${whole ? "TID" : "@ID"}', Within(${values.join(", ")}))`;
}

function has(node: Node): string {
  return tid(node) ? `Has('TID', ${quoted(tid(node))})` : `Has('@ID', ${quoted(node.ID)})`;
}

function tid(node: Node): string {
  return text(node.Metadata["TID"]);
}

function shellQuoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

const OPTIONS = [
  ["--gremlin", "GremlinQuery"],
  ["--name", "Name"],
  ["--description", "Description"],
  ["--bpf", "BPFFilter"],
  ["--type", "Type"],
  ["--layer-key-mode", "LayerKeyMode"],
  ["--port", "Port"],
  ["--first-packets", "FirstPackets"],
  ["--raw-packet-limit", "RawPacketLimit"],
  ["--header-size", "HeaderSize"],
  ["--max-packets", "MaxPackets"],
  ["--max-bytes", "MaxBytes"],
  ["--max-duration", "MaxDuration"],
] as const satisfies [string, keyof CaptureDraft][];

/** What the command has no option for. */
const UNSPOKEN = ["SamplingRate", "PollingInterval", "IPDefrag", "ExtraLayers", "Target", "TargetType", "UnmatchGrace"] as const;

/** "" when the command cannot say all of it. */
export function asCommand(draft: CaptureDraft, ttlSeconds: number): string {
  const sinks = draft.Sinks ?? [];
  // A comma separates what is said of a sink.
  if (UNSPOKEN.some((name) => name in draft) || sinks.some(({ Target, Subject }) => `${Target}${Subject}`.includes(","))) return "";
  const options: [string, string][] = [
    ...OPTIONS.map(([flag, name]): [string, string] => [flag, String(draft[name] ?? "")]),
    ...sinks.map((sink): [string, string] => ["--sink", spelt(sink)]),
    ["--ttl", ttlSeconds > 0 ? `${ttlSeconds}s` : ""],
  ];
  const given = options.filter(([, value]) => value !== "").map(([flag, value]) => `${flag} ${shellQuoted(value)}`);
  return ["netsonde capture create", ...given, ...flagsOf(draft)].join(" ");
}

function flagsOf({ ExtraTCPMetric: tcp, ReassembleTCP: whole, StopOnUnmatch: stops }: CaptureDraft): string[] {
  return [...(tcp || whole ? ["--tcp"] : []), ...(stops === false ? ["--keep-on-unmatch"] : [])];
}

export function asCurl(draft: CaptureDraft, ttlSeconds: number, base: string): string {
  const ttl = ttlSeconds > 0 ? ` -H 'X-Resource-TTL: ${ttlSeconds}s'` : "";
  const body = shellQuoted(JSON.stringify(draft));
  return `curl -X POST ${shellQuoted(`${base}api/capture`)} -H 'Content-Type: application/json'${ttl} -d ${body}`;
}
