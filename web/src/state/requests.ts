// SPDX-License-Identifier: Apache-2.0
// How the page asks and changes things.

import { QueryClient } from "@tanstack/react-query";

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
