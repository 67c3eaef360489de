// SPDX-License-Identifier: Apache-2.0
// Addresses of a node as the server would choose them, so that the form shows what will be sent. Pure.

import type { Json, Node } from "../api/types";
import { isBranch, text, textList } from "../state/metadata";

/** Addresses with their prefix lengths, those of Neutron first. */
export function prefixesOf(node: Node, family: 4 | 6): string[] {
  const key = `IPV${family}`;
  return [...textList(inner(node, "Neutron", key)), ...textList(node.Metadata[key])];
}

export function targetAddress(node: Node | undefined, family: 4 | 6): string {
  return node ? bare(prefixesOf(node, family)[0] ?? "") : "";
}

/** One of the target's network if there is such, else one that reaches beyond the link. */
export function sourceAddress(node: Node | undefined, family: 4 | 6, target: string): string {
  if (!node) return "";
  const found = prefixesOf(node, family);
  const near = found.find((one) => covers(one, target));
  const far = found.find((one) => !isLinkLocal(bare(one)));
  return bare(near ?? far ?? found[0] ?? "");
}

/** The MAC address that packets come from: that of the guest behind a tap, where one is known. */
export function macOf(node: Node | undefined): string {
  if (!node) return "";
  return text(inner(node, "ExtID", "attached-mac")) || text(node.Metadata["MAC"]);
}

export function bare(address: string): string {
  return address.split("/")[0] ?? "";
}

/** Whether a network, as address/length, covers an address; false for whatever is no address. */
export function covers(prefix: string, address: string): boolean {
  const [network = "", length = ""] = prefix.split("/");
  const [first, second] = [bits(network), bits(bare(address))];
  if (first === null || second === null || first.width !== second.width) return false;
  const kept = length === "" ? first.width : /^\d{1,3}$/.test(length) ? Number(length) : Number.POSITIVE_INFINITY;
  if (kept > first.width) return false;
  const host = BigInt(first.width - kept);
  return first.value >> host === second.value >> host;
}

function isLinkLocal(address: string): boolean {
  return covers("fe80::/10", address) || covers("169.254.0.0/16", address);
}

interface Bits {
  readonly value: bigint;
  readonly width: 32 | 128;
}

function bits(address: string): Bits | null {
  if (!address.includes(":")) return digits(address.split("."), 4, 8, 10);
  const [head = "", tail, more] = address.split("::");
  if (more !== undefined) return null;
  const [left, right] = [head, tail ?? ""].map((part) => (part === "" ? [] : part.split(":")));
  if (!left || !right) return null;
  const gap = tail === undefined ? 0 : 8 - left.length - right.length;
  return gap < 0 ? null : digits([...left, ...Array<string>(gap).fill("0"), ...right], 8, 16, 16);
}

function digits(parts: readonly string[], number: 4 | 8, width: number, base: 10 | 16): Bits | null {
  if (parts.length !== number) return null;
  let value = 0n;
  for (const part of parts) {
    const one = (base === 10 ? /^\d{1,3}$/ : /^[\da-f]{1,4}$/i).test(part) ? Number.parseInt(part, base) : -1;
    if (one < 0 || one >= 2 ** width) return null;
    value = (value << BigInt(width)) | BigInt(one);
  }
  return { value, width: number === 4 ? 32 : 128 };
}

function inner(node: Node, key: string, name: string): Json | undefined {
  const value = node.Metadata[key];
  return isBranch(value) && !Array.isArray(value) ? value[name] : undefined;
}
