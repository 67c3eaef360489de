// SPDX-License-Identifier: Apache-2.0
// Workflows and calls are read again when the server says that they have changed, and when the connection is back.

import { useQueryClient, type QueryKey } from "@tanstack/react-query";
import { useEffect } from "react";
import { useSession } from "../state/session";

/** A call that tells of its progress all the time is read so often. */
const TOGETHER_MS = 300;

export function useWorkflowNews(): void {
  const session = useSession();
  const queries = useQueryClient();
  useEffect(() => {
    const stale = new Map<string, QueryKey>();
    let timer: ReturnType<typeof setTimeout> | null = null;
    const readAgain = (): void => {
      timer = null;
      for (const queryKey of stale.values()) void queries.invalidateQueries({ queryKey });
      stale.clear();
    };
    const mark = (...keys: QueryKey[]): void => {
      for (const key of keys) stale.set(JSON.stringify(key), key);
      timer ??= setTimeout(readAgain, TOGETHER_MS);
    };
    const ends = [
      session.onWorkflow((change) => {
        if (change.type === "Job") mark(["jobs"], ["job", change.uuid]);
        else mark(["workflows"]);
      }),
      session.link.subscribe(() => {
        if (session.link.get().state === "live") mark(["workflows"], ["jobs"], ["job"]);
      }),
    ];
    return () => {
      for (const end of ends) end();
      if (timer) clearTimeout(timer);
    };
  }, [session, queries]);
}
