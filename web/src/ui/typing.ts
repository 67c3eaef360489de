// SPDX-License-Identifier: Apache-2.0
// Whether a key is meant for what somebody types in, and for no shortcut of the page.

const FIELDS = "input, textarea, select, [contenteditable]";

/** Of a key in the query's editor, which lives in a shadow tree, the event's own target is only the frame around it. */
export function isTyping(event: Event): boolean {
  const [target] = event.composedPath();
  return target instanceof HTMLElement && target.matches(FIELDS);
}
