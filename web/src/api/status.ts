// SPDX-License-Identifier: Apache-2.0
// The state of the installation.

import { read, withSignal } from "./http";
import type { StatusAnswer } from "./types";

/** Agents, analyzers and what runs in them. */
export async function readStatus(signal?: AbortSignal): Promise<StatusAnswer> {
  return (await read("api/status", withSignal({}, signal))) as StatusAnswer;
}
