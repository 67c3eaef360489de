// SPDX-License-Identifier: Apache-2.0
interface Window {
  /** Where a node is on the canvas, in pixels from its corner: a canvas has no elements that a test could click. */
  netsondeNodeAt?: (id: string) => { readonly x: number; readonly y: number } | null;
}
