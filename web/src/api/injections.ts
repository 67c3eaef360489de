// SPDX-License-Identifier: Apache-2.0
// Calls about injected packets.

import { call, read, sending } from "./http";
import type { InjectionView } from "./types";

/** What a user says of an injection; what is not said is the server's choice. Durations are ms, bytes are base64. */
export type InjectionDraft = { Src: string; Type: string } & Partial<Omit<InjectionView, "UUID" | "Status">>;

export async function listInjections(): Promise<InjectionView[]> {
  return Object.values(((await read("api/injectpacket")) ?? {}) as Record<string, InjectionView>);
}

export async function createInjection(draft: InjectionDraft): Promise<InjectionView> {
  return (await read("api/injectpacket", sending("POST", draft))) as InjectionView;
}

/** Stop it, and forget it. */
export async function deleteInjection(uuid: string): Promise<void> {
  await call(`api/injectpacket/${encodeURIComponent(uuid)}`, { method: "DELETE" });
}
