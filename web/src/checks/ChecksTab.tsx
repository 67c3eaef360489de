// SPDX-License-Identifier: Apache-2.0
// All checks with their verdicts, and the way to a new one.

import { useRefusal } from "../state/access";
import { inOrder } from "../state/checks";
import { forget, useDraft } from "../state/drafts";
import { place } from "../state/place";
import { useSession } from "../state/session";
import { useStore } from "../state/store";
import { ListHead } from "../ui/Card";
import { Refusal } from "../ui/Field";
import { EmptyState } from "../ui/widgets";
import { CheckCard } from "./CheckCard";
import { CheckForm } from "./CheckForm";

export function ChecksTab() {
  const checks = useStore(useSession().checks);
  const { check: open } = useStore(place);
  const [making, setMaking] = useDraft("check.making", () => false);
  const unseen = useRefusal("check read");
  const refusal = useRefusal("check write");
  const list = inOrder(checks);
  const done = (): void => {
    setMaking(false);
    forget("check.");
  };
  if (unseen) return <Refusal reason={unseen} />;
  return (
    <div className="stack fill">
      {making && !refusal ? (
        <CheckForm onDone={done} />
      ) : (
        <ListHead title="Checks" number={checks.loaded ? list.length : null} refusal={refusal} onCreate={() => setMaking(true)} />
      )}
      <Refusal reason={refusal} />
      {list.length > 0 ? (
        <ul className="cards scroll" aria-label="Checks">
          {list.map((check) => (
            <CheckCard key={check.UUID} check={check} open={check.UUID === open} refusal={refusal} />
          ))}
        </ul>
      ) : checks.loaded && !making ? (
        <EmptyState icon="check" title="No checks yet">
          A check judges each interface as it appears: does it get a lease, does its gateway answer, do names resolve?
        </EmptyState>
      ) : null}
    </div>
  );
}
