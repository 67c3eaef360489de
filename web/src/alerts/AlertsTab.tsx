// SPDX-License-Identifier: Apache-2.0
// All alerts with their states, and the way to a new one.

import { Suspense, useEffect } from "react";
import type { AlertView } from "../api/types";
import { useRefusal } from "../state/access";
import { inOrder } from "../state/alerts";
import { forget, useDraft } from "../state/drafts";
import { place } from "../state/place";
import { useSession } from "../state/session";
import { useStore } from "../state/store";
import { ListHead } from "../ui/Card";
import { Refusal } from "../ui/Field";
import { lazily } from "../ui/lazily";
import { tell } from "../ui/toasts";
import { EmptyState } from "../ui/widgets";
import { AlertCard } from "./AlertCard";

// The editor is a third of the page's code; it is loaded when the first alert is made.
const AlertForm = lazily(() => import("./AlertForm"));

/** The alert that the form changes, null = a new one, undefined = there is no form. */
type Edited = AlertView | null | undefined;

export function AlertsTab() {
  const alerts = useStore(useSession().alerts);
  const { alert: open } = useStore(place);
  const [edited, setEdited] = useDraft<Edited>("alert.edited", () => undefined);
  const unseen = useRefusal("alert read");
  const refusal = useRefusal("alert write");
  const list = inOrder(alerts);
  const done = (): void => {
    setEdited(undefined);
    forget("alert.");
  };
  if (unseen) return <Refusal reason={unseen} />;
  return (
    <div className="stack fill">
      {edited === undefined ? (
        <ListHead title="Alerts" number={alerts.loaded ? list.length : null} refusal={refusal} onCreate={() => setEdited(null)} />
      ) : (
        <Suspense>
          <AlertForm key={edited?.UUID ?? ""} alert={edited} onDone={done} />
        </Suspense>
      )}
      <Refusal reason={refusal} />
      {list.length > 0 ? (
        <ul className="cards scroll" aria-label="Alerts">
          {list.map((alert) => (
            <AlertCard
              key={alert.UUID}
              alert={alert}
              open={alert.UUID === open}
              refusal={refusal}
              onEdit={() => setEdited(alert)}
            />
          ))}
        </ul>
      ) : alerts.loaded && edited === undefined ? (
        <EmptyState icon="bell" title="No alerts yet">
          An alert watches a query, and tells when it begins to find something and when it does not any more. Try it on
          the past first.
        </EmptyState>
      ) : null}
    </div>
  );
}

/** Tell what is told of alerts here as well: whoever waits for it may be looking at another tab. */
export function useAlertNews(): void {
  const session = useSession();
  useEffect(
    () =>
      session.onTransition((step) => {
        if (!step.Notified) return;
        const name = step.Name || session.alerts.get().byId.get(step.Alert)?.Expression || "An alert";
        if (step.State === "firing") tell(`${name}: ${step.Summary || "firing"}`, "bell", "red");
        else tell(`${name}: resolved`, "check", "green");
      }),
    [session],
  );
}
