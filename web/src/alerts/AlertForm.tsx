// SPDX-License-Identifier: Apache-2.0
// A new alert, or one that is changed: what it watches, judged while it is typed, and tried on the past.

import { useMutation } from "@tanstack/react-query";
import { changeAlert, createAlert } from "../api/alerts";
import type { AlertView, CheckAnswer } from "../api/types";
import { QueryEditor } from "../editor/QueryEditor";
import { useCheck } from "../editor/useCheck";
import { useDraft } from "../state/drafts";
import { go } from "../state/place";
import { FormError } from "../ui/Field";
import { tell } from "../ui/toasts";
import { Button, IconButton, Tabs } from "../ui/widgets";
import { AlertFields } from "./AlertFields";
import { ConditionNow } from "./ConditionNow";
import { blank, fieldsOf, patchOf, toDraft, ttlSeconds, type Fields } from "./draft";
import { DryRun } from "./DryRun";

interface Props {
  /** null = a new one. */
  alert: AlertView | null;
  onDone: () => void;
}

export default function AlertForm({ alert, onDone }: Props) {
  const [fields, change] = useFields(alert);
  const isQuery = fields.language === "gremlin";
  const { text, verdict } = useCheck(isQuery ? fields.expression : "");
  const draft = toDraft(fields);
  const save = useMutation({
    mutationFn: () =>
      alert
        ? changeAlert(alert.UUID, patchOf(alert, draft), ttlSeconds(fields))
        : createAlert(draft, ttlSeconds(fields)),
    onSuccess: (saved) => {
      go({ alert: saved.UUID });
      tell(alert ? "Alert changed" : "Alert created");
      onDone();
    },
  });
  const ready = draft.Expression !== "" && verdict?.Valid !== false;
  const submit = (): void => {
    if (ready && !save.isPending) save.mutate();
  };
  return (
    <form
      className="form tall"
      aria-label={alert ? "Change alert" : "New alert"}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <header className="section-head">
        <h3>{alert ? `Change ${alert.Name || "alert"}` : "New alert"}</h3>
        <span className="spring" />
        <IconButton icon="close" label="Close the form" onClick={onDone} />
      </header>
      <Condition fields={fields} change={change} verdict={verdict} onSubmit={submit} />
      {isQuery ? <ConditionNow text={text} verdict={verdict} /> : null}
      <AlertFields fields={fields} change={change} isNew={alert === null} />
      <DryRun draft={draft} disabled={!ready || !isQuery} />
      <FormError error={save.error} />
      <footer className="form-foot">
        <Button primary icon="bell" type="submit" disabled={!ready || save.isPending}>
          {alert ? "Save" : "Create alert"}
        </Button>
      </footer>
    </form>
  );
}

function useFields(alert: AlertView | null): [Fields, (part: Partial<Fields>) => void] {
  const start = (): Fields => (alert ? fieldsOf(alert) : blank);
  const [fields, , change] = useDraft(`alert.fields.${alert?.UUID ?? ""}`, start);
  return [fields, (part) => change((known) => ({ ...known, ...part }))];
}

interface ConditionProps {
  fields: Fields;
  change: (part: Partial<Fields>) => void;
  verdict: CheckAnswer | undefined;
  onSubmit: () => void;
}

function Condition({ fields, change, verdict, onSubmit }: ConditionProps) {
  return (
    <>
      <Tabs
        small
        label="Language"
        items={[
          { id: "gremlin", label: "Query" },
          { id: "javascript", label: "JavaScript" },
        ]}
        chosen={fields.language}
        onChoose={(language) => change({ language })}
      />
      {fields.language === "gremlin" ? (
        <QueryEditor
          value={fields.expression}
          onChange={(expression) => change({ expression })}
          onSubmit={onSubmit}
          hint="G.V().Has('State', 'DOWN')"
          verdict={verdict}
        />
      ) : (
        <textarea
          className="mono"
          rows={3}
          aria-label="Expression"
          spellCheck={false}
          value={fields.expression}
          placeholder={`JSON.parse(Gremlin("G.V().Has('State', 'DOWN')")).length > 3`}
          onChange={(event) => change({ expression: event.target.value })}
        />
      )}
    </>
  );
}
