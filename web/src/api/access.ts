// SPDX-License-Identifier: Apache-2.0
// Logging in and out. The session is a cookie that no script can read.

import { setBy } from "../state/clock";
import { failureText } from "./http";
import type { WhoAmI } from "./types";

export async function whoAmI(): Promise<WhoAmI> {
  const asked = Date.now();
  const response = await fetch("api/whoami", { headers: { Accept: "application/json" } });
  setBy(response.headers.get("Date"), asked, Date.now());
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return (await response.json()) as WhoAmI;
}

/** Returns why the login failed, "" when it did not. */
export async function logIn(username: string, password: string): Promise<string> {
  const body = new URLSearchParams({ username, password });
  try {
    const response = await fetch("login", { method: "POST", body });
    return response.ok ? "" : (await failureText(response)).replace("\nhint: ", ": ");
  } catch {
    return "the server does not answer";
  }
}

export async function logOut(): Promise<void> {
  await fetch("logout", { method: "POST" });
}
