// SPDX-License-Identifier: Apache-2.0
// From the server's span of a mistake, in characters, to the editor's offsets, in UTF-16 units. Pure.

export interface Underline {
  readonly from: number;
  readonly to: number;
}

/** Never empty unless the text is: where something is missing at the end, its last character is marked. */
export function underline(text: string, span: readonly number[] | null): Underline {
  const [start, end] = [offset(text, span?.[0] ?? 0), offset(text, span?.[1] ?? Number.POSITIVE_INFINITY)];
  const from = Math.max(0, Math.min(start, text.length - 1));
  return { from, to: Math.min(text.length, Math.max(end, from + 1)) };
}

/** From characters to UTF-16 units. */
export function offset(text: string, characters: number): number {
  let units = 0;
  let passed = 0;
  for (const character of text) {
    if (passed >= characters) break;
    units += character.length;
    passed += 1;
  }
  return units;
}

/** From UTF-16 units to characters. */
export function characters(text: string, units: number): number {
  return Array.from(text.slice(0, units)).length;
}
