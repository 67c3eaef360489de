// SPDX-License-Identifier: Apache-2.0
// One injection: what is sent from where to where, and what came back, counted while it runs.

import { useMutation } from "@tanstack/react-query";
import { deleteInjection } from "../api/injections";
import type { InjectionView, Totals } from "../api/types";
import { isRunning, lossOf, ms, stateOf, type InjectionState } from "../state/injections";
import { go } from "../state/place";
import { CardTitle } from "../ui/Card";
import { ago, bytes, count, duration } from "../ui/format";
import { Icon, type IconName } from "../ui/Icon";
import { useNow } from "../ui/now";
import { tell } from "../ui/toasts";
import { IconButton, messageOf } from "../ui/widgets";
import { InjectionDetail } from "./InjectionDetail";

const LOOKS: Readonly<Record<InjectionState, { icon: IconName; tone: string }>> = {
  starting: { icon: "dots", tone: "blue" },
  running: { icon: "send", tone: "green" },
  finished: { icon: "check", tone: "grey" },
  failed: { icon: "alert", tone: "red" },
  stopped: { icon: "stop", tone: "grey" },
  interrupted: { icon: "alert", tone: "amber" },
};

export function InjectionCard({ injection, open, refusal }: { injection: InjectionView; open: boolean; refusal: string }) {
  const state = stateOf(injection);
  return (
    <li className={open ? "card open" : "card"} data-testid="injection" data-state={state}>
      <div className="card-head">
        <CardTitle open={open} onTurn={() => go({ injection: open ? "" : injection.UUID })}>
          <InjectionBadge state={state} />
          <span className="ellipsis">{titleOf(injection)}</span>
        </CardTitle>
        <Stop injection={injection} refusal={refusal} />
      </div>
      {injection.Status?.Reason ? <p className="card-sentence">{injection.Status.Reason}</p> : null}
      <Counters injection={injection} />
      {open ? <InjectionDetail injection={injection} /> : null}
    </li>
  );
}

export function InjectionBadge({ state }: { state: InjectionState }) {
  const { icon, tone } = LOOKS[state];
  return (
    <span className={`badge tone-${tone}`} data-state={state}>
      <Icon name={icon} size={13} />
      {state}
    </span>
  );
}

export function titleOf(injection: InjectionView): string {
  const nodes = injection.Status?.Nodes ?? [];
  const [first] = nodes;
  const from = nodes.length > 1 ? `${nodes.length} interfaces` : (first?.Name ?? injection.Src);
  const target = first?.Target || injection.DstIP || injection.Dst;
  return injection.Name || `${injection.Type} from ${from}${target ? ` to ${target}` : ""}`;
}

function Counters({ injection }: { injection: InjectionView }) {
  const now = useNow();
  const totals = injection.Status?.Totals;
  const wanted = injection.Count * Math.max(1, injection.Status?.Nodes.length ?? 1);
  return (
    <p className="counters" data-testid="injection-counters">
      {totals ? (
        <>
          <span>
            {count(totals.Sent)}
            {injection.Count > 0 ? ` of ${count(wanted)}` : ""} sent
          </span>
          <Answers totals={totals} />
          {totals.Octets > 0 ? <span>{bytes(totals.Octets)}</span> : null}
        </>
      ) : null}
      <span>{ago(injection.CreatedAt, now)}</span>
      {injection.CreatedBy ? <span>by {injection.CreatedBy}</span> : null}
    </p>
  );
}

function Answers({ totals }: { totals: Totals }) {
  const loss = lossOf(totals);
  return (
    <>
      <span>{count(totals.Received)} answered</span>
      {totals.Refused > 0 ? <span className="warn">{count(totals.Refused)} refused on the way</span> : null}
      {totals.Failed > 0 ? <span className="warn">{count(totals.Failed)} could not be sent</span> : null}
      {loss === null ? null : <span className={totals.Lost > 0 ? "warn" : ""}>{loss.toFixed(loss % 1 ? 1 : 0)} % lost</span>}
      {totals.RTTMean > 0 ? (
        <span title="round-trip time: the least, the mean, the most">
          {[totals.RTTMin, totals.RTTMean, totals.RTTMax].map((ns) => duration(ms(ns))).join(" / ")}
        </span>
      ) : null}
    </>
  );
}

function Stop({ injection, refusal }: { injection: InjectionView; refusal: string }) {
  const runs = isRunning(injection);
  const stop = useMutation({
    mutationFn: () => deleteInjection(injection.UUID),
    onSuccess: () => {
      if (runs) tell(`Stopped after ${count(injection.Status?.Totals.Sent ?? 0)} packets`, "stop", "grey");
    },
    onError: (error) => tell(messageOf(error), "alert", "red"),
  });
  return (
    <div className="card-actions">
      <IconButton
        icon={runs ? "stop" : "trash"}
        label={refusal || (runs ? "Stop" : "Delete")}
        disabled={refusal !== "" || stop.isPending}
        onClick={() => stop.mutate()}
      />
    </div>
  );
}
