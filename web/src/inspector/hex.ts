// SPDX-License-Identifier: Apache-2.0
// A packet's bytes as the classic dump: offset, sixteen bytes, their printable characters.

export interface HexLine {
  readonly offset: string;
  readonly bytes: string;
  readonly characters: string;
}

export function hexLines(base64: string): HexLine[] {
  const data = fromBase64(base64);
  const lines: HexLine[] = [];
  for (let at = 0; at < data.length; at += 16) {
    const part = [...data.subarray(at, at + 16)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, "0"));
    lines.push({
      offset: at.toString(16).padStart(4, "0"),
      bytes: `${hex.slice(0, 8).join(" ")}  ${hex.slice(8).join(" ")}`.padEnd(48),
      characters: part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join(""),
    });
  }
  return lines;
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}
