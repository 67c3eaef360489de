// SPDX-License-Identifier: Apache-2.0
// One capture in the list: state, reason, counters, what can be done with it.

import { useMutation } from "@tanstack/react-query";
import { deleteCapture, packetsPath, pauseCapture } from "../api/client";
import type { CaptureView } from "../api/types";
import { useRefusal } from "../state/access";
import { go } from "../state/place";
import { CardTitle } from "../ui/Card";
import { ago, bytes, count, duration } from "../ui/format";
import { DeleteButton } from "../ui/DeleteButton";
import { Icon } from "../ui/Icon";
import { useNow } from "../ui/now";
import { tell } from "../ui/toasts";
import { IconButton, messageOf } from "../ui/widgets";
import { CaptureDetail } from "./CaptureDetail";
import { StateBadge } from "./StateBadge";
import { sentence, stateOf, titleOf, totals } from "./stateLook";

interface Props {
  capture: CaptureView;
  open: boolean;
  /** Why the user may not change it, "" = may. */
  refusal: string;
}

export function CaptureCard({ capture, open, refusal }: Props) {
  const state = stateOf(capture);
  return (
    <li className={open ? "card open" : "card"} data-testid="capture" data-state={state}>
      <div className="card-head">
        <CardTitle open={open} onTurn={() => go({ capture: open ? "" : capture.UUID, view: "" })}>
          <StateBadge state={state} />
          <span className="ellipsis">{titleOf(capture)}</span>
        </CardTitle>
        <Actions capture={capture} refusal={refusal} />
      </div>
      {capture.Name ? <code className="card-query">{capture.GremlinQuery}</code> : null}
      <p className="card-sentence">{sentence(capture)}</p>
      <Counters capture={capture} />
      {open ? <CaptureDetail capture={capture} /> : null}
    </li>
  );
}

function Counters({ capture }: { capture: CaptureView }) {
  const now = useNow();
  const { packets, bytes: octets, dropped, lookback } = totals(capture);
  const since = capture.Status?.Since;
  return (
    <p className="counters">
      {packets > 0 ? (
        <>
          <span>{count(packets)} packets</span>
          <span>{bytes(octets)}</span>
        </>
      ) : null}
      {lookback > 0 ? <span title="packets from before the match">{count(lookback)} from look-back</span> : null}
      {dropped > 0 ? <span className="warn">{count(dropped)} dropped</span> : null}
      {capture.BPFFilter ? <code>{capture.BPFFilter}</code> : null}
      {since ? <span>since {ago(since, now)}</span> : null}
      {capture.ExpiresAt > now ? <span>ends in {duration(capture.ExpiresAt - now)}</span> : null}
    </p>
  );
}

function Actions({ capture, refusal }: Omit<Props, "open">) {
  const packetsRefusal = useRefusal("capture rawpackets");
  const failed = (error: Error): void => tell(messageOf(error), "alert", "red");
  const pause = useMutation({ mutationFn: () => pauseCapture(capture.UUID, !capture.Paused), onError: failed });
  const remove = useMutation({ mutationFn: () => deleteCapture(capture.UUID), onError: failed });
  return (
    <div className="card-actions">
      {packetsRefusal ? (
        <IconButton icon="download" label={packetsRefusal} disabled />
      ) : (
        <a
          className="icon-button"
          href={packetsPath({ capture: capture.UUID })}
          download
          title="Download all packets as pcapng"
          aria-label="Download all packets as pcapng"
        >
          <Icon name="download" />
        </a>
      )}
      {capture.Owner ? null : (
        <>
          <IconButton
            icon={capture.Paused ? "play" : "pause"}
            label={refusal || (capture.Paused ? "Resume" : "Pause")}
            disabled={refusal !== "" || pause.isPending}
            onClick={() => pause.mutate()}
          />
          <DeleteButton
            loss="with its packets"
            refusal={refusal}
            busy={remove.isPending}
            onDelete={() => remove.mutate()}
          />
        </>
      )}
    </div>
  );
}
