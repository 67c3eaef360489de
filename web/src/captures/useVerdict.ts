// SPDX-License-Identifier: Apache-2.0
// What the server says of an expression while it is typed: whether it parses, and what it matches now.

import { useQuery } from "@tanstack/react-query";
import { previewCapture } from "../api/client";
import type { Preview, CheckAnswer } from "../api/types";
import { useCheck } from "../editor/useCheck";

const PREVIEW_REFRESH_MS = 3000;

export interface Verdict {
  readonly verdict: CheckAnswer | undefined;
  readonly preview: Preview | undefined;
  readonly previewError: Error | null;
}

export function useVerdict(expression: string): Verdict {
  const { text, verdict } = useCheck(expression);
  const valid = verdict?.Valid === true;
  const preview = useQuery({
    queryKey: ["preview", text],
    queryFn: ({ signal }) => previewCapture(text, signal),
    enabled: valid,
    refetchInterval: PREVIEW_REFRESH_MS,
    retry: false,
  });
  return {
    verdict,
    preview: valid && !preview.isError ? preview.data : undefined,
    previewError: valid ? preview.error : null,
  };
}
