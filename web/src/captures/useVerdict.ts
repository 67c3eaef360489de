// SPDX-License-Identifier: Apache-2.0
// What the server says of an expression while it is typed: whether it parses, and what it matches now.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { checkQuery, previewCapture } from "../api/client";
import type { Preview, CheckAnswer } from "../api/types";

const TYPING_PAUSE_MS = 250;
const PREVIEW_REFRESH_MS = 3000;

export interface Verdict {
  readonly verdict: CheckAnswer | undefined;
  readonly preview: Preview | undefined;
  readonly previewError: Error | null;
}

export function useVerdict(expression: string): Verdict {
  const text = useSettled(expression.trim(), TYPING_PAUSE_MS);
  const check = useQuery({
    queryKey: ["check", text],
    queryFn: ({ signal }) => checkQuery(text, signal),
    enabled: text !== "",
    staleTime: Number.POSITIVE_INFINITY,
  });
  const valid = check.data?.Valid === true;
  const preview = useQuery({
    queryKey: ["preview", text],
    queryFn: ({ signal }) => previewCapture(text, signal),
    enabled: valid,
    refetchInterval: PREVIEW_REFRESH_MS,
    placeholderData: keepPreviousData,
    retry: false,
  });
  return {
    verdict: text === "" ? undefined : check.data,
    preview: valid && !preview.isError ? preview.data : undefined,
    previewError: valid ? preview.error : null,
  };
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
