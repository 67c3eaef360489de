// SPDX-License-Identifier: Apache-2.0
// What the user may do, so that a control says why it is off instead of failing when it is used.

import { useQuery } from "@tanstack/react-query";
import { whoAmI } from "../api/access";
import type { WhoAmI } from "../api/types";

/** Milliseconds between two looks whether the session is still open and the rights are the same. */
const LOOK_EVERY = 30_000;

/** Rights that the page asks about, in the words of the server's policy: an object and an action. */
export type Right =
  | "status read"
  | "capture read"
  | "capture write"
  | "capture rawpackets"
  | "check read"
  | "check write"
  | "alert read"
  | "alert write"
  | "workflow read"
  | "workflow write"
  | "workflow.call write"
  | "injectpacket read"
  | "injectpacket write";

export function useWhoAmI(): WhoAmI | undefined {
  return useQuery({ queryKey: ["whoami"], queryFn: whoAmI, refetchInterval: LOOK_EVERY }).data;
}

/** Return why the user may not do this, "" for one who may. */
export function useRefusal(right: Right): string {
  return refusal(useWhoAmI(), right);
}

/** The server decides; until it has said who the user is nothing is refused here. */
export function refusal(who: WhoAmI | undefined, right: Right): string {
  const found = who?.Permissions.find((one) => `${one.Object} ${one.Action}` === right);
  if (!who || !found || found.Allowed) return "";
  const roles = who.Roles.length > 0 ? `your roles (${who.Roles.join(", ")}) do not have` : "you have no role with";
  return `${roles} the right “${right}”: ask an administrator`;
}
