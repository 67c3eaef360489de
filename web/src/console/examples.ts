// SPDX-License-Identifier: Apache-2.0
// Queries to begin with.

export interface Example {
  readonly title: string;
  readonly query: string;
}

export const EXAMPLES: readonly Example[] = [
  { title: "Interfaces of VMs", query: "G.V().HasKey('ExtID.vm-id')" },
  { title: "Interfaces that are down", query: "G.V().Has('State', 'DOWN')" },
  { title: "Nodes by type", query: "G.V().ValueMap('Type', 'Name')" },
  { title: "Everything of a namespace", query: "G.V().Has('Type', 'netns').Limit(1).Descendants().SubGraph()" },
  { title: "Layer-2 links", query: "G.E().Has('RelationType', 'layer2')" },
  { title: "Addresses in a range", query: "G.V().Has('IPV4', IpRange('10.0.0.0/8'))" },
  { title: "Largest flows", query: "G.Flows().Sort(DESC, 'Metric.ABBytes').Limit(20)" },
  { title: "Nodes an hour ago", query: "G.At('-1h').V()" },
];
