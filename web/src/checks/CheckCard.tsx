// SPDX-License-Identifier: Apache-2.0
// One check in the list: how many interfaces have which verdict, what can be done with it, and its results when open.

import { useMutation } from "@tanstack/react-query";
import { deleteCheck, runCheck } from "../api/client";
import type { CheckView } from "../api/types";
import { go } from "../state/place";
import { CardTitle } from "../ui/Card";
import { duration } from "../ui/format";
import { DeleteButton } from "../ui/DeleteButton";
import { tell } from "../ui/toasts";
import { IconButton, messageOf } from "../ui/widgets";
import { CheckResults } from "./CheckResults";
import { VerdictBadge, type Verdict } from "./VerdictBadge";

const SHOWN: readonly Verdict[] = ["fail", "unknown", "waiting", "pass"];

interface Props {
  check: CheckView;
  open: boolean;
  /** Why the user may not change or run it, "" = may. */
  refusal: string;
}

export function CheckCard({ check, open, refusal }: Props) {
  return (
    <li className={open ? "card open" : "card"} data-testid="check">
      <div className="card-head">
        <CardTitle open={open} onTurn={() => go({ check: open ? "" : check.UUID })}>
          <span className="ellipsis">{check.Name}</span>
        </CardTitle>
        <Actions check={check} refusal={refusal} />
      </div>
      <code className="card-query">{check.GremlinQuery}</code>
      <p className="counters">
        {SHOWN.filter((verdict) => (check.Verdicts[verdict] ?? 0) > 0).map((verdict) => (
          <VerdictBadge key={verdict} verdict={verdict} number={check.Verdicts[verdict] ?? 0} />
        ))}
        <span>{check.Steps.map((step) => step.Type).join(", ")}</span>
        <span>within {duration(check.Within)}</span>
        {check.Reason ? <span className="muted">{check.Reason}</span> : null}
      </p>
      {open ? <CheckResults uuid={check.UUID} /> : null}
    </li>
  );
}

function Actions({ check, refusal }: Omit<Props, "open">) {
  const failed = (error: Error): void => tell(messageOf(error), "alert", "red");
  const run = useMutation({ mutationFn: () => runCheck(check.UUID), onError: failed });
  const remove = useMutation({ mutationFn: () => deleteCheck(check.UUID), onError: failed });
  return (
    <div className="card-actions">
      <IconButton
        icon="play"
        label={refusal || "Judge the present interfaces anew"}
        disabled={refusal !== "" || run.isPending}
        onClick={() => run.mutate()}
      />
      <DeleteButton
        loss="with its results"
        refusal={refusal}
        busy={remove.isPending}
        onDelete={() => remove.mutate()}
      />
    </div>
  );
}
