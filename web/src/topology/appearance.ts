// SPDX-License-Identifier: Apache-2.0
// What a node looks like: its kind (pictogram, colour, shape) and its state, from metadata alone.

import type { Node } from "../api/types";
import { text, textList } from "../state/metadata";

export type Kind =
  | "host"
  | "netns"
  | "container"
  | "vm"
  | "bridge"
  | "port"
  | "veth"
  | "tap"
  | "tunnel"
  | "vlan"
  | "loopback"
  | "interface"
  | "other";

/** `off` is switched off on purpose and shown grey; `nocarrier` is switched on but has no link. */
export type LinkState = "up" | "off" | "nocarrier" | "none";

const KINDS: Readonly<Record<string, Kind>> = {
  host: "host",
  netns: "netns",
  container: "container",
  vm: "vm",
  libvirt: "vm",
  bridge: "bridge",
  ovsbridge: "bridge",
  switch: "bridge",
  ovsport: "port",
  switchport: "port",
  patch: "port",
  veth: "veth",
  tun: "tap",
  tap: "tap",
  tuntap: "tap",
  macvtap: "tap",
  vlan: "vlan",
  macvlan: "vlan",
  ipvlan: "vlan",
};

const TUNNELS = /^(vxlan|geneve|gre|gretap|ip6gre|ip6gretap|erspan|ipip|ip6tnl|sit|vti|vti6|xfrm|wireguard)$/;

export function kindOf(node: Node): Kind {
  const type = text(node.Metadata["Type"]);
  const known = KINDS[type];
  if (known) return known;
  if (TUNNELS.test(type)) return "tunnel";
  if (text(node.Metadata["EncapType"]) === "loopback") return "loopback";
  return isInterface(node) ? "interface" : "other";
}

export function isInterface(node: Node): boolean {
  return typeof node.Metadata["IfIndex"] === "number";
}

/** Whatever has an ifindex can be captured. */
export const isCapturable = isInterface;

export function linkState(node: Node): LinkState {
  const state = text(node.Metadata["State"]);
  if (!state) return "none";
  const switchedOn = textList(node.Metadata["LinkFlags"]).includes("UP");
  if (state === "UP") return "up";
  if (!switchedOn) return "off";
  return state === "UNKNOWN" ? "up" : "nocarrier";
}

export function nameOf(node: Node): string {
  return text(node.Metadata["Name"]) || node.ID.slice(0, 8);
}

/** Names on the canvas are cut in the middle: both ends of an interface name carry meaning. */
export function shortName(name: string, longest = 16): string {
  if (name.length <= longest) return name;
  const tail = Math.floor((longest - 1) / 2);
  return `${name.slice(0, longest - 1 - tail)}…${name.slice(-tail)}`;
}
