// SPDX-License-Identifier: Apache-2.0
// The injection being made: shared by the form and by whoever begins one, and what the server takes of it.

import type { InjectionDraft } from "../api/injections";
import type { Node } from "../api/types";
import { expressionFor } from "../captures/expression";
import { Store } from "../state/store";
import { bytesOfHex, toBase64 } from "./bytes";
import { kindOf } from "./kinds";

export interface PacketFile {
  readonly name: string;
  readonly base64: string;
}

export interface Draft {
  readonly open: boolean;
  /** Ids of nodes. */
  readonly source: string | null;
  readonly target: string | null;
  readonly type: string;
  /** null = as the form fills it in: the server's choice. */
  readonly srcIP: string | null;
  readonly dstIP: string | null;
  readonly srcMAC: string;
  readonly dstMAC: string;
  readonly srcPort: string;
  readonly dstPort: string;
  readonly count: string;
  readonly interval: string;
  readonly size: string;
  readonly payload: string;
  readonly ttl: string;
  readonly vlan: string;
  readonly vlanPriority: string;
  readonly dscp: string;
  readonly dontFragment: boolean;
  readonly inbound: boolean;
  readonly timeout: string;
  readonly dnsName: string;
  readonly dnsType: string;
  readonly frame: string;
  readonly file: PacketFile | null;
  readonly timeScale: string;
}

export const blank: Draft = {
  open: false,
  source: null,
  target: null,
  type: "icmp4",
  srcIP: null,
  dstIP: null,
  srcMAC: "",
  dstMAC: "",
  srcPort: "",
  dstPort: "",
  count: "5",
  interval: "200",
  size: "56",
  payload: "",
  ttl: "64",
  vlan: "",
  vlanPriority: "",
  dscp: "",
  dontFragment: false,
  inbound: false,
  timeout: "1000",
  dnsName: "",
  dnsType: "A",
  frame: "",
  file: null,
  timeScale: "",
};

export const draft = new Store<Draft>(blank);

export function change(part: Partial<Draft>): void {
  draft.set({ ...draft.get(), ...part });
}

export function startFrom(node: Node | null): void {
  draft.set({ ...blank, open: true, source: node?.ID ?? null });
}

/** What the form still needs, in words; "" = it can be sent. */
export function lacks(state: Draft, source: Node | undefined, target: Node | undefined): string {
  const kind = kindOf(state.type);
  if (!source) return "an interface to send from";
  if (kind.hasTarget && !target && !state.dstIP?.trim()) return "where to: a node on the map, or an address";
  if (kind.content === "dns" && !state.dnsName.trim()) return "a name to ask for";
  if (kind.content === "frame" && bytesOfHex(state.frame) === null) return "a frame of 14 bytes or more in hex digits";
  if (kind.content === "file" && !state.file) return "a packet file";
  return "";
}

/** Only what was said: everything else is the server's choice, by the graph of the moment. */
export function toRequest(state: Draft, source: Node, target: Node | undefined): InjectionDraft {
  const kind = kindOf(state.type);
  const isFile = kind.content === "file";
  return {
    Src: expressionFor(source, null),
    ...(kind.hasTarget && target ? { Dst: expressionFor(target, null) } : {}),
    Type: state.type,
    ...(kind.family === 0 ? {} : addresses(state)),
    ...(kind.hasPorts ? { ...numbered("SrcPort", state.srcPort), ...numbered("DstPort", state.dstPort) } : {}),
    ...content(state),
    ...numbered("Count", isFile ? "0" : state.count),
    ...numbered("Interval", isFile ? "0" : state.interval),
    ...numbered("Timeout", state.timeout),
    ...(kind.family === 0 ? {} : layers(state)),
    ...(state.inbound ? { Inbound: true } : {}),
  };
}

function addresses(state: Draft): Partial<InjectionDraft> {
  return {
    ...said("SrcIP", state.srcIP ?? ""),
    ...said("DstIP", kindOf(state.type).hasTarget ? (state.dstIP ?? "") : ""),
    ...said("SrcMAC", state.srcMAC),
    ...said("DstMAC", state.dstMAC),
  };
}

function layers(state: Draft): Partial<InjectionDraft> {
  return {
    ...numbered("TTL", state.ttl),
    ...numbered("VLAN", state.vlan),
    ...numbered("VLANPriority", state.vlanPriority),
    ...numbered("DSCP", state.dscp),
    ...(state.dontFragment ? { DontFragment: true } : {}),
  };
}

function content(state: Draft): Partial<InjectionDraft> {
  switch (kindOf(state.type).content) {
    case "payload":
      return state.payload ? { Payload: state.payload } : numbered("Size", state.size);
    case "dns":
      return { DNSName: state.dnsName.trim(), DNSType: state.dnsType };
    case "frame":
      return { Frame: toBase64(bytesOfHex(state.frame) ?? new Uint8Array()) };
    case "file":
      return { Pcap: state.file?.base64 ?? "", ...numbered("TimeScale", state.timeScale) };
    case "":
      return {};
  }
}

function said(name: keyof InjectionDraft, text: string): Partial<InjectionDraft> {
  return text.trim() ? { [name]: text.trim() } : {};
}

function numbered(name: keyof InjectionDraft, text: string): Partial<InjectionDraft> {
  const value = Number.parseFloat(text);
  return Number.isFinite(value) ? { [name]: value } : {};
}
