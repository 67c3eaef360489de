// SPDX-License-Identifier: Apache-2.0
// A new injection: from where to where, what, how many. Both ends are picked on the map; addresses come with them.

import { useMutation } from "@tanstack/react-query";
import { createInjection } from "../api/injections";
import type { Node } from "../api/types";
import { go } from "../state/place";
import { useSession } from "../state/session";
import { useStore } from "../state/store";
import { isInterface } from "../topology/appearance";
import { usePicking, useRings } from "../topology/picking";
import { PickTarget } from "../topology/PickTarget";
import { Field, FormError } from "../ui/Field";
import { tell } from "../ui/toasts";
import { Button, IconButton } from "../ui/widgets";
import { AddressFields } from "./AddressFields";
import { ContentFields, RateFields } from "./ContentFields";
import { blank, change, draft, lacks, toRequest } from "./draft";
import { KINDS, kindOf } from "./kinds";
import { PacketFields } from "./PacketFields";

export function InjectForm() {
  const state = useStore(draft);
  const nodes = useStore(useSession().graph).nodes;
  const source = nodes.get(state.source ?? "");
  const target = nodes.get(state.target ?? "");
  const kind = kindOf(state.type);
  const lacking = lacks(state, source, target);
  useRings([source?.ID, kind.hasTarget ? target?.ID : undefined].filter((id) => id !== undefined));
  const send = useMutation({
    mutationFn: (from: Node) => createInjection(toRequest(state, from, target)),
    onSuccess: (made) => {
      go({ tab: "inject", injection: made.UUID });
      tell("Injection started");
    },
  });
  return (
    <form
      className="form tall"
      aria-label="New injection"
      onSubmit={(event) => {
        event.preventDefault();
        if (source && !lacking && !send.isPending) send.mutate(source);
      }}
    >
      <header className="section-head">
        <h3>New injection</h3>
        <span className="spring" />
        <IconButton icon="close" label="Close the form" onClick={() => draft.set(blank)} />
      </header>
      <Ends source={source} target={target} hasTarget={kind.hasTarget} />
      <div className="fields">
        <Field label="Type" wide>
          <select value={state.type} onChange={(event) => change({ type: event.target.value })}>
            {KINDS.map(({ type, label }) => (
              <option key={type} value={type}>
                {type}: {label}
              </option>
            ))}
          </select>
        </Field>
        <AddressFields state={state} kind={kind} source={source} target={target} />
        {kind.content === "file" ? null : <RateFields state={state} />}
        <ContentFields state={state} kind={kind} />
      </div>
      <PacketFields state={state} kind={kind} source={source} />
      <FormError error={send.error} />
      <footer className="form-foot">
        <Button primary icon="send" type="submit" disabled={lacking !== "" || send.isPending}>
          Inject
        </Button>
        {lacking ? <span className="muted form-lacks">needs {lacking}</span> : null}
      </footer>
    </form>
  );
}

interface EndsProps {
  source: Node | undefined;
  target: Node | undefined;
  hasTarget: boolean;
}

function Ends({ source, target, hasTarget }: EndsProps) {
  const { waits, want } = usePicking();
  const wants = (slot: "source" | "target"): void => {
    if (waits === slot) {
      want(null);
      return;
    }
    want({
      slot,
      // Whatever has addresses can be sent to.
      accepts: slot === "source" ? isInterface : () => true,
      take: (node) => {
        change(slot === "source" ? { source: node.ID, srcIP: null } : { target: node.ID, dstIP: null });
        if (slot === "source" && hasTarget && !draft.get().target) wants("target");
      },
    });
  };
  return (
    <div className="picks">
      <PickTarget
        label="From"
        node={source}
        armed={waits === "source"}
        hint="pick an interface"
        onToggle={() => wants("source")}
        onClear={() => change({ source: null, srcIP: null })}
      />
      {hasTarget ? (
        <PickTarget
          label="To"
          node={target}
          armed={waits === "target"}
          hint="pick, or give an address below"
          onToggle={() => wants("target")}
          onClear={() => change({ target: null, dstIP: null })}
        />
      ) : null}
    </div>
  );
}
