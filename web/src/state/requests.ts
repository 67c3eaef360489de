// SPDX-License-Identifier: Apache-2.0
// How the page asks and changes things.

import { QueryClient } from "@tanstack/react-query";
import type { Link } from "../transport/subscriber";
import type { Store } from "./store";

/**
 * Always at once: a browser that calls itself offline may still reach a server on its own machine or network, and what
 * was wanted then (an injection, a deletion) must not be done by itself when somebody plugs a cable in.
 */
export function requests(): QueryClient {
  const networkMode = "always";
  return new QueryClient({
    defaultOptions: { queries: { retry: 1, refetchOnWindowFocus: false, networkMode }, mutations: { networkMode } },
  });
}

/**
 * Ask anew for all that is shown when a lost connection is back. Answers of before are out of date; those still waited
 * for may be on a connection that is as dead as the lost one was, which a browser finds out after a quarter of an hour.
 */
export function askAgain(client: QueryClient, link: Store<Link>): void {
  let lost = false;
  link.subscribe(() => {
    const { state } = link.get();
    if (state === "live" && lost) void client.cancelQueries().then(() => client.invalidateQueries());
    lost = state === "stale" || (lost && state !== "live");
  });
}
