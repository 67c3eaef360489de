// SPDX-License-Identifier: Apache-2.0
// The steps that the form offers: those that need no parameters, or one.

import type { CheckStep } from "../api/types";

export interface Offer {
  readonly type: string;
  readonly label: string;
  /** The parameter that the step needs, "" = none. */
  readonly parameter: string;
  /** What the field begins with. */
  readonly value: string;
}

export const OFFERS: readonly Offer[] = [
  { type: "dhcp", label: "gets a lease", parameter: "", value: "" },
  { type: "gateway", label: "its gateway answers, and nobody else for it", parameter: "", value: "" },
  { type: "icmp", label: "what it pings answers", parameter: "", value: "" },
  { type: "dns", label: "names resolve", parameter: "", value: "" },
  { type: "tcp", label: "it can connect to", parameter: "Target", value: "169.254.169.254:80" },
  { type: "mtu", label: "large packets pass to its gateway", parameter: "", value: "" },
  { type: "path", label: "its packets are seen on", parameter: "Through", value: "" },
];

/** Return the chosen steps in the order of the offers, in which they depend on each other. */
export function chosenSteps(chosen: ReadonlyMap<string, string>): CheckStep[] {
  return OFFERS.filter((offer) => chosen.has(offer.type)).map(({ type, parameter }) => ({
    Type: type,
    Within: 0,
    Parameters: parameter ? { [parameter]: chosen.get(type) ?? "" } : {},
  }));
}

/** What the choice still needs, in words; "" = nothing. */
export function lacks(chosen: ReadonlyMap<string, string>): string {
  if (chosen.size === 0) return "at least one thing that must be true";
  const bare = OFFERS.find((offer) => offer.parameter && chosen.get(offer.type)?.trim() === "");
  return bare ? `what “${bare.label}” is about` : "";
}
