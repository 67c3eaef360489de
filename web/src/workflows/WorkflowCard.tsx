// SPDX-License-Identifier: Apache-2.0
// One workflow: what it is for, the form of its call, what calls it by itself, its source, and its recent calls.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { changeSource, deleteWorkflow } from "../api/workflows";
import type { WorkflowView } from "../api/types";
import { useDraft } from "../state/drafts";
import { go } from "../state/place";
import { CardTitle } from "../ui/Card";
import { DeleteButton } from "../ui/DeleteButton";
import { tell } from "../ui/toasts";
import { Button, ErrorNote, messageOf } from "../ui/widgets";
import { JobList } from "./JobList";
import { ParamForm } from "./ParamForm";
import { paragraphs, triggerWords } from "./params";

interface Props {
  workflow: WorkflowView;
  open: boolean;
  /** Why the user may not do it, "" = may. */
  refusals: { write: string; call: string };
}

export function WorkflowCard({ workflow, open, refusals }: Props) {
  return (
    <li className={open ? "card open" : "card"} data-testid="workflow">
      <div className="card-head">
        <CardTitle open={open} onTurn={() => go({ workflow: open ? "" : workflow.UUID })}>
          <span className="ellipsis">{workflow.Title || workflow.Name}</span>
          {workflow.Bundled ? <span className="chip plain">bundled</span> : null}
          {workflow.Language === "python" ? <span className="chip plain">Python</span> : null}
        </CardTitle>
        {workflow.Bundled ? null : <Delete workflow={workflow} refusal={refusals.write} />}
      </div>
      {workflow.Abstract ? <p className="card-sentence">{workflow.Abstract}</p> : null}
      <p className="counters">
        <code>{workflow.Name}</code>
        {workflow.Triggers.map((trigger, at) => (
          <span key={at}>{triggerWords(trigger)}</span>
        ))}
        {workflow.CreatedBy ? <span>by {workflow.CreatedBy}</span> : null}
      </p>
      {open ? <Detail workflow={workflow} refusals={refusals} /> : null}
    </li>
  );
}

function Detail({ workflow, refusals }: Omit<Props, "open">) {
  return (
    <div className="card-detail">
      {paragraphs(workflow.Description).map((text, at) => (
        <p key={at} className="prose">
          {text}
        </p>
      ))}
      <ParamForm workflow={workflow} refusal={refusals.call} />
      <details className="more">
        <summary>Source</summary>
        <Source workflow={workflow} refusal={workflow.Bundled ? "it came with the program" : refusals.write} />
      </details>
      <JobList workflow={workflow.UUID} refusal={refusals.call} />
    </div>
  );
}

function Delete({ workflow, refusal }: { workflow: WorkflowView; refusal: string }) {
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => deleteWorkflow(workflow.UUID),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["workflows"] }),
    onError: (error) => tell(messageOf(error), "alert", "red"),
  });
  return (
    <div className="card-actions">
      <DeleteButton refusal={refusal} busy={remove.isPending} onDelete={() => remove.mutate()} />
    </div>
  );
}

function Source({ workflow, refusal }: { workflow: WorkflowView; refusal: string }) {
  const queries = useQueryClient();
  const [text, setText] = useDraft<string | null>(`workflow.source.${workflow.UUID}`, () => null);
  const save = useMutation({
    mutationFn: (source: string) => changeSource(workflow.UUID, source),
    onSuccess: () => {
      setText(null);
      tell("Workflow changed");
      return queries.invalidateQueries({ queryKey: ["workflows"] });
    },
  });
  if (text === null) {
    return (
      <>
        <pre className="lines" data-testid="source" tabIndex={0}>
          {workflow.Source}
        </pre>
        {refusal ? null : (
          <Button icon="edit" onClick={() => setText(workflow.Source)}>
            Change the source
          </Button>
        )}
      </>
    );
  }
  return (
    <>
      <textarea
        className="mono"
        rows={16}
        aria-label="Source"
        spellCheck={false}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {save.error ? <ErrorNote>{messageOf(save.error)}</ErrorNote> : null}
      <div className="param-foot">
        <Button primary disabled={save.isPending || text === workflow.Source} onClick={() => save.mutate(text)}>
          Save
        </Button>
        <Button onClick={() => setText(null)}>Cancel</Button>
      </div>
    </>
  );
}
