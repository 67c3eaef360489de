// SPDX-License-Identifier: Apache-2.0
// Bytes as the form takes them and as the server does. Pure.

/** An Ethernet header. */
const LEAST = 14;
const CHUNK = 0x8000;

/** Hex digits with whatever people put between them; null for what is no frame. */
export function bytesOfHex(text: string): Uint8Array | null {
  const digits = text.replace(/0x|[\s:.,-]/gi, "");
  if (digits.length % 2 !== 0 || digits.length / 2 < LEAST || /[^\da-f]/i.test(digits)) return null;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function toBase64(bytes: Uint8Array): string {
  let text = "";
  // As arguments of one call a whole file would be too many.
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}
