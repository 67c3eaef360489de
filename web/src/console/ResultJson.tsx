// SPDX-License-Identifier: Apache-2.0
// A result as the server gave it; of a very long one the beginning.

import { useMemo } from "react";
import type { Json } from "../api/types";
import { copy } from "../ui/CopyMenu";
import { count } from "../ui/format";
import { IconButton } from "../ui/widgets";

const MOST_CHARACTERS = 300_000;
const MOST_ITEMS = 2000;

export function ResultJson({ value }: { value: Json }) {
  const { shown, note } = useMemo(() => beginning(value), [value]);
  return (
    <div className="result-json">
      <IconButton icon="copy" label="Copy" onClick={() => void copy(shown)} />
      <pre tabIndex={0} data-testid="result-json">
        {shown}
      </pre>
      {note ? <p className="table-note muted">{note}</p> : null}
    </div>
  );
}

/** What is shown, and what is not. */
export function beginning(value: Json): { shown: string; note: string } {
  const cut = Array.isArray(value) && value.length > MOST_ITEMS;
  const text = JSON.stringify(cut ? value.slice(0, MOST_ITEMS) : value, null, 2);
  if (text.length <= MOST_CHARACTERS) return { shown: text, note: cut ? `the first ${count(MOST_ITEMS)} of ${count(value.length)}; all of it in the download` : "" };
  return { shown: text.slice(0, MOST_CHARACTERS), note: `the first ${count(MOST_CHARACTERS)} characters; all of it in the download` };
}
