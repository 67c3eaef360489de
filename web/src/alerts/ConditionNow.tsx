// SPDX-License-Identifier: Apache-2.0
// What an expression means now: an error, or whether the condition holds at this moment.

import { useQuery } from "@tanstack/react-query";
import { runQuery } from "../api/client";
import type { CheckAnswer } from "../api/types";
import { Icon } from "../ui/Icon";
import { messageOf } from "../ui/widgets";
import { held } from "./words";

const REFRESH_MS = 5000;

export function ConditionNow({ text, verdict }: { text: string; verdict: CheckAnswer | undefined }) {
  return (
    <div className="preview" aria-live="polite" data-testid="preview">
      {/* To look must change nothing, whoever wrote the expression. */}
      {verdict?.CallsWorkflow ? <Acts /> : <Content text={text} verdict={verdict} />}
    </div>
  );
}

function Acts() {
  return <p className="tone-text-red">It calls a workflow, which an alert never does: nothing would be judged.</p>;
}

function Content({ text, verdict }: { text: string; verdict: CheckAnswer | undefined }) {
  const valid = verdict?.Valid === true;
  const answer = useQuery({
    queryKey: ["condition", text],
    queryFn: async ({ signal }) => held((await runQuery(text, signal)).value),
    enabled: valid,
    refetchInterval: REFRESH_MS,
    retry: false,
    gcTime: 0,
  });
  if (text === "") return <p className="muted">Whether it would fire now is shown here before anything is created.</p>;
  if (verdict?.Valid === false) {
    return (
      <p className="tone-text-red">
        {verdict.Error}
        {verdict.Hint ? <span className="muted"> — {verdict.Hint}</span> : null}
      </p>
    );
  }
  if (answer.error) return <p className="tone-text-red">{messageOf(answer.error)}</p>;
  if (!valid || !answer.data) return <p className="muted">Looking…</p>;
  return answer.data.holds ? (
    <p className="tone-text-amber">
      <Icon name="bell" size={14} /> It holds now: {answer.data.words}
    </p>
  ) : (
    <p className="tone-text-green">
      <Icon name="check" size={14} /> It does not hold now
    </p>
  );
}
