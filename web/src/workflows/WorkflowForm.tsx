// SPDX-License-Identifier: Apache-2.0
// A new workflow, as YAML: typed, or read from a file. The server reads the source and says what is wrong with it.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { createWorkflow } from "../api/workflows";
import { useDraft } from "../state/drafts";
import { go } from "../state/place";
import { FormError } from "../ui/Field";
import { tell } from "../ui/toasts";
import { Button, IconButton } from "../ui/widgets";

const EXAMPLE = `Name: CountInterfaces
Title: Count interfaces
Parameters:
  - Name: type
    Description: Type of the interfaces
    Type: string
    Default: veth
Source: |
  function countInterfaces(type) {
    var nodes = client.G.V().Has('Type', type).result();
    console.log(nodes.length + ' of type ' + type);
    return {Type: type, Count: nodes.length};
  }
`;
/** What the server takes as YAML. */
const MOST_BYTES = 1024 * 1024;

export function WorkflowForm({ onDone }: { onDone: () => void }) {
  const queries = useQueryClient();
  const chooser = useRef<HTMLInputElement>(null);
  const [text, setText] = useDraft("workflow.text", () => EXAMPLE);
  const create = useMutation({
    mutationFn: () => createWorkflow(text),
    onSuccess: (made) => {
      go({ workflow: made.UUID, job: "" });
      tell("Workflow created");
      onDone();
      return queries.invalidateQueries({ queryKey: ["workflows"] });
    },
  });
  const open = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    if (file.size > MOST_BYTES) tell(`${file.name} has ${file.size} bytes; a workflow may have ${MOST_BYTES}`, "alert", "red");
    else setText(await file.text());
  };
  return (
    <form
      className="form tall"
      aria-label="New workflow"
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate();
      }}
    >
      <header className="section-head">
        <h3>New workflow</h3>
        <span className="spring" />
        <IconButton icon="close" label="Close the form" onClick={onDone} />
      </header>
      <textarea
        className="mono"
        rows={16}
        aria-label="Workflow in YAML"
        spellCheck={false}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <FormError error={create.error} />
      <footer className="form-foot">
        <Button primary type="submit" disabled={create.isPending || text.trim() === ""}>
          Create workflow
        </Button>
        <span className="spring" />
        <Button icon="upload" onClick={() => chooser.current?.click()}>
          Open a file
        </Button>
        <input
          ref={chooser}
          type="file"
          className="visually-hidden"
          tabIndex={-1}
          aria-label="File with a workflow"
          accept=".yaml,.yml,.json"
          onChange={(event) => void open(event.target.files?.[0])}
        />
      </footer>
    </form>
  );
}
