// SPDX-License-Identifier: Apache-2.0
// All captures, and the way to a new one.

import { Suspense, useEffect } from "react";
import { useRefusal } from "../state/access";
import { inOrder } from "../state/captures";
import { place } from "../state/place";
import { useSession } from "../state/session";
import { useStore } from "../state/store";
import { ListHead } from "../ui/Card";
import { Refusal } from "../ui/Field";
import { plural } from "../ui/format";
import { lazily } from "../ui/lazily";
import { tell } from "../ui/toasts";
import { EmptyState } from "../ui/widgets";
import { CaptureCard } from "./CaptureCard";
import { CaptureTraffic } from "./CaptureTraffic";
import { draft, startWith } from "./draft";
import { stateOf, titleOf } from "./stateLook";

// The editor is a third of the page's code; it is loaded when the first capture is made.
const CaptureForm = lazily(() => import("./CaptureForm"));

export function CapturesTab() {
  const captures = useStore(useSession().captures);
  const { capture: open, view } = useStore(place);
  const { open: making } = useStore(draft);
  const unseen = useRefusal("capture read");
  const refusal = useRefusal("capture write");
  const list = inOrder(captures);
  const looked = view === "traffic" ? captures.byId.get(open) : undefined;
  if (unseen) return <Refusal reason={unseen} />;
  if (looked) return <CaptureTraffic capture={looked} />;
  return (
    <div className="stack fill">
      {making && !refusal ? (
        <Suspense>
          <CaptureForm />
        </Suspense>
      ) : (
        <ListHead title="Captures" number={captures.loaded ? list.length : null} refusal={refusal} onCreate={() => startWith(null)} />
      )}
      <Refusal reason={refusal} />
      {list.length > 0 ? (
        <ul className="cards scroll" aria-label="Captures">
          {list.map((capture) => (
            <CaptureCard key={capture.UUID} capture={capture} open={capture.UUID === open} refusal={refusal} />
          ))}
        </ul>
      ) : captures.loaded && !making ? (
        <EmptyState icon="record" title="No captures yet">
          A capture may be made before its interface exists. It waits, and starts with the interface's first packet.
        </EmptyState>
      ) : null}
    </div>
  );
}

/** Tell when a capture that was waiting finds its first interface: its author is rarely looking just then. */
export function useCaptureNews(): void {
  const session = useSession();
  useEffect(
    () =>
      session.onCaptureNews(({ capture, before }) => {
        const now = stateOf(capture);
        // Those of checks come and go by themselves; what they are for is told by verdicts.
        if (capture.Owner) return;
        if (!before || stateOf(before) === now) return;
        if (now === "active") {
          tell(`${titleOf(capture)}: capturing on ${plural(capture.Status?.Active ?? 0, "interface")}`, "record", "green");
        }
        if (now === "failed") tell(`${titleOf(capture)}: ${capture.Status?.Reason ?? "failed"}`, "alert", "red");
      }),
    [session],
  );
}
