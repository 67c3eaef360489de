// SPDX-License-Identifier: Apache-2.0
// What the canvas gives Cytoscape for a node, and one thing it keeps Cytoscape from doing.

import { isCapturable, isGroup, kindOf, linkState, nameOf, shortName } from "./appearance";
import type { VisibleNode } from "./view";

/** Cytoscape writes one rule into a style element unless an element of this id exists; map.css has the rule. */
export function claimStyleElement(): void {
  const id = "__________cytoscape_stylesheet";
  if (document.getElementById(id)) return;
  const claim = document.createElement("meta");
  claim.id = id;
  document.head.append(claim);
}

export function dataOf({ id, node, group, holds }: VisibleNode): Record<string, unknown> {
  const name = shortName(nameOf(node), group ? 24 : 16);
  return {
    id,
    label: group === "closed" ? `${name} (${holds})` : name,
    kind: kindOf(node),
    state: linkState(node),
    capturable: isCapturable(node),
  };
}

/** Namespaces appear before the interfaces inside them. */
export function mayBecomeGroup({ node, group }: VisibleNode): boolean {
  return group !== "closed" && isGroup(node);
}
