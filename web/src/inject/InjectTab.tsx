// SPDX-License-Identifier: Apache-2.0
// What is and was injected, and the way to a new injection.

import { useRefusal } from "../state/access";
import { inOrder } from "../state/injections";
import { place } from "../state/place";
import { useSession } from "../state/session";
import { useStore } from "../state/store";
import { ListHead } from "../ui/Card";
import { Refusal } from "../ui/Field";
import { EmptyState } from "../ui/widgets";
import { draft, startFrom } from "./draft";
import { InjectForm } from "./InjectForm";
import { InjectionCard } from "./InjectionCard";

export default function InjectTab() {
  const injections = useStore(useSession().injections);
  const { injection: open } = useStore(place);
  const { open: making } = useStore(draft);
  const unseen = useRefusal("injectpacket read");
  const refusal = useRefusal("injectpacket write");
  const list = inOrder(injections);
  if (unseen) return <Refusal reason={unseen} />;
  return (
    <div className="stack fill">
      {making && !refusal ? (
        <InjectForm />
      ) : (
        <ListHead title="Injections" number={injections.loaded ? list.length : null} refusal={refusal} onCreate={() => startFrom(null)} />
      )}
      <Refusal reason={refusal} />
      {list.length > 0 ? (
        <ul className="cards scroll" aria-label="Injections">
          {list.map((view) => (
            <InjectionCard key={view.UUID} injection={view} open={view.UUID === open} refusal={refusal} />
          ))}
        </ul>
      ) : injections.loaded && !making ? (
        <EmptyState icon="send" title="Nothing was injected yet">
          Packets are sent from an interface, inside its namespace, and what comes back is counted: does this one reach
          that one, and how fast?
        </EmptyState>
      ) : null}
    </div>
  );
}
