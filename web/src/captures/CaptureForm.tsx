// SPDX-License-Identifier: Apache-2.0
// Making a capture: by interfaces picked on the map or by an expression, with what it matches now shown alongside.

import { useMutation } from "@tanstack/react-query";
import { useEffect } from "react";
import { createCapture } from "../api/client";
import { QueryEditor } from "../editor/QueryEditor";
import { go } from "../state/place";
import { useSession } from "../state/session";
import { useStore } from "../state/store";
import { CopyMenu } from "../ui/CopyMenu";
import { FormError, NumberField, TextField } from "../ui/Field";
import { tell } from "../ui/toasts";
import { Button, IconButton, Tabs } from "../ui/widgets";
import { blank, change, draft, expressionOf, matches, toRequest, type Draft } from "./draft";
import { asCommand, asCurl } from "./expression";
import { MatchPreview } from "./MatchPreview";
import { PickSlots } from "./PickSlots";
import { useVerdict } from "./useVerdict";

const WAITS = "the capture will wait and start with the first packet of the first interface that matches";
const NO_MATCH: ReadonlySet<string> = new Set();

export default function CaptureForm() {
  const session = useSession();
  const graph = useStore(session.graph);
  const state = useStore(draft);
  const expression = expressionOf(state, graph.nodes);
  const { verdict, preview, previewError } = useVerdict(expression);
  const { body, ttlSeconds } = toRequest(state, expression);
  const create = useMutation({
    mutationFn: () => createCapture(body, ttlSeconds),
    onSuccess: (capture) => {
      draft.set(blank);
      go({ tab: "captures", capture: capture.UUID, view: "" });
      tell("Capture created");
    },
  });

  useEffect(() => {
    matches.set(preview ? new Set(preview.Sample.map((node) => node.ID)) : NO_MATCH);
    return () => matches.set(NO_MATCH);
  }, [preview]);

  const ready = expression !== "" && verdict?.Valid !== false && !create.isPending;
  const submit = (): void => {
    if (ready) create.mutate();
  };
  return (
    <form
      className="form"
      data-testid="capture-form"
      aria-label="New capture"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <header className="section-head">
        <h3>New capture</h3>
        <span className="spring" />
        <IconButton icon="close" label="Close the form" onClick={() => draft.set(blank)} />
      </header>
      <Tabs
        small
        label="What to capture"
        items={[
          { id: "expression", label: "By expression" },
          { id: "pick", label: "Pick on the map" },
        ]}
        chosen={state.mode}
        onChoose={(mode) => change({ mode, armed: mode === "pick" && !state.picks[0] ? 0 : null })}
      />
      {state.mode === "expression" ? (
        <QueryEditor
          value={state.expression}
          onChange={(text) => change({ expression: text })}
          onSubmit={submit}
          hint="G.V().HasKey('ExtID.vm-id')"
          verdict={verdict}
        />
      ) : (
        <PickSlots state={state} nodes={graph.nodes} expression={expression} />
      )}
      <MatchPreview expression={expression} verdict={verdict} preview={preview} error={previewError} waits={WAITS} />
      <Options state={state} />
      <FormError error={create.error} />
      <footer className="form-foot">
        <Button primary icon="record" type="submit" disabled={!ready}>
          Start capture
        </Button>
        <span className="spring" />
        <CopyMenu
          disabled={expression === ""}
          choices={[
            { label: "command", text: asCommand(body, ttlSeconds) },
            { label: "curl", text: asCurl(body, ttlSeconds, document.baseURI.replace(/[?#].*$/, "")) },
          ]}
        />
      </footer>
    </form>
  );
}

function Options({ state }: { state: Draft }) {
  return (
    <div className="fields">
      <TextField label="Name" maxLength={200} value={state.name} onChange={(name) => change({ name })} />
      <TextField
        label="Packet filter"
        hint="tcpdump syntax"
        mono
        placeholder="arp or udp port 67"
        value={state.bpf}
        onChange={(bpf) => change({ bpf })}
      />
      <NumberField
        label="First packets"
        hint="kept whole per interface"
        max={100_000}
        value={state.firstPackets}
        onChange={(firstPackets) => change({ firstPackets })}
      />
      <NumberField
        label="Ends after"
        hint="minutes; empty = never"
        step="any"
        value={state.ttlMinutes}
        onChange={(ttlMinutes) => change({ ttlMinutes })}
      />
    </div>
  );
}
