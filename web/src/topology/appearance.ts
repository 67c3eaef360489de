// SPDX-License-Identifier: Apache-2.0
// What a node looks like: its kind (pictogram, colour, shape) and its state, from metadata alone.

import { LOOKS, type Kind, type Look } from "../api/looks";
import type { Node } from "../api/types";
import { text, textList } from "../state/metadata";

export type { Kind };

/** `off` is switched off on purpose and shown grey; `nocarrier` is switched on but has no link. */
export type LinkState = "up" | "off" | "nocarrier" | "none";

export function kindOf(node: Node): Kind {
  const type = text(node.Metadata["Type"]);
  const known = lookOf(type);
  if (known) return known.kind;
  if (text(node.Metadata["EncapType"]) === "loopback") return "loopback";
  return isInterface(node) ? "interface" : "other";
}

/** What has room for others inside it from the beginning. */
export function isGroup(node: Node): boolean {
  return lookOf(text(node.Metadata["Type"]))?.group ?? false;
}

function lookOf(type: string): Look | undefined {
  // A type comes from the network, and "constructor" is a property of every object.
  return Object.hasOwn(LOOKS, type) ? LOOKS[type] : undefined;
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

/** Characters that turn others round, hide between them or break the line: a name with them would look like another. */
const DECEPTIVE = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

const LONGEST_NAME = 200;

/** The name as it is shown, on the map and elsewhere. */
export function nameOf(node: Node): string {
  const name = text(node.Metadata["Name"]);
  const shown = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
  return shown.replace(DECEPTIVE, "\ufffd") || node.ID.slice(0, 8);
}

/** Names on the canvas are cut in the middle: both ends of an interface name carry meaning. */
export function shortName(name: string, longest = 16): string {
  if (name.length <= longest) return name;
  const tail = Math.floor((longest - 1) / 2);
  return `${name.slice(0, longest - 1 - tail)}…${name.slice(-tail)}`;
}
