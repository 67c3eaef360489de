// SPDX-License-Identifier: Apache-2.0
// Queries for the map to choose from: some that come with the page, and those that a user keeps in the browser.

import { Kept, texts } from "../state/kept";

const MOST = 50;
const LONGEST = 4000;

export interface Preset {
  readonly title: string;
  readonly query: string;
}

export const PRESETS: readonly Preset[] = [
  { title: "Interfaces that are down", query: "G.V().Has('State', 'DOWN')" },
  { title: "Interfaces of VMs", query: "G.V().HasKey('ExtID.vm-id')" },
  { title: "Containers and what they own", query: "G.V().Has('Type', 'container').Descendants()" },
  { title: "Being captured", query: "G.V().HasKey('Captures')" },
  { title: "Tunnels", query: "G.V().Has('Type', Within('vxlan', 'geneve', 'gre', 'gretap', 'wireguard'))" },
  { title: "Layer-2 links", query: "G.E().Has('RelationType', 'layer2')" },
];

/** With a query that was not there, the newest first, or without one that was. */
export function toggled(known: readonly string[], query: string): string[] {
  if (known.includes(query)) return known.filter((other) => other !== query);
  return query === "" || query.length > LONGEST ? [...known] : [query, ...known].slice(0, MOST);
}

export const favourites = new Kept<readonly string[]>("netsonde.mapQueries", (kept) => texts(kept, MOST), []);

export function toggleFavourite(query: string): void {
  favourites.keep(toggled(favourites.get(), query));
}
