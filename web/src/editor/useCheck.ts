// SPDX-License-Identifier: Apache-2.0
// What the server's parser says of a query while it is typed.

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { checkQuery } from "../api/client";
import type { CheckAnswer } from "../api/types";

const TYPING_PAUSE_MS = 250;

/** Undefined while the text is empty or not judged yet. */
export function useCheck(query: string): { text: string; verdict: CheckAnswer | undefined } {
  const text = useSettled(query.trim(), TYPING_PAUSE_MS);
  const check = useQuery({
    queryKey: ["check", text],
    queryFn: ({ signal }) => checkQuery(text, signal),
    enabled: text !== "",
    staleTime: Number.POSITIVE_INFINITY,
  });
  return { text, verdict: text === "" ? undefined : check.data };
}

/** The value once it has not changed for a while. */
function useSettled<T>(value: T, pauseMs: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pauseMs);
    return () => clearTimeout(timer);
  }, [value, pauseMs]);
  return settled;
}
