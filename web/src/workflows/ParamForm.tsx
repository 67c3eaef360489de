// SPDX-License-Identifier: Apache-2.0
// The form of a call, made from the parameters that the workflow names.

import { useMutation } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { callWorkflow } from "../api/workflows";
import type { Node, Parameter, WorkflowView } from "../api/types";
import { text } from "../state/metadata";
import { go } from "../state/place";
import { useSession } from "../state/session";
import { useStore } from "../state/store";
import { usePicking, useRings } from "../topology/picking";
import { PickTarget } from "../topology/PickTarget";
import { Field, FormError } from "../ui/Field";
import { Button } from "../ui/widgets";
import { argumentsOf, controlOf, initial, isRequired, missing, spelt, type Values } from "./params";

export function ParamForm({ workflow, refusal }: { workflow: WorkflowView; refusal: string }) {
  const parameters = workflow.Parameters;
  const [values, setValues] = useState<Values>(() => initial(parameters));
  const nodes = useStore(useSession().graph).nodes;
  const byTid = useMemo(() => withTid(nodes.values()), [nodes]);
  const nodeParameters = parameters.filter((one) => controlOf(one) === "node");
  useRings(nodeParameters.flatMap((one) => byTid.get(values[one.Name] ?? "")?.ID ?? []));
  const run = useMutation({
    mutationFn: () => callWorkflow(workflow.UUID, argumentsOf(parameters, values)),
    onSuccess: (job) => go({ job: job.UUID }),
  });
  const change = (name: string, value: string): void => setValues((known) => ({ ...known, [name]: value }));
  const lacking = missing(parameters, values);
  return (
    <form
      className="param-form"
      aria-label={`Run ${workflow.Name}`}
      onSubmit={(event) => {
        event.preventDefault();
        if (lacking.length === 0 && !refusal) run.mutate();
      }}
    >
      {nodeParameters.map((one) => (
        <NodeParameter key={one.Name} parameter={one} value={values[one.Name] ?? ""} byTid={byTid} onChange={change} />
      ))}
      {parameters.length > nodeParameters.length ? (
        <div className="fields">
          {parameters
            .filter((one) => controlOf(one) !== "node")
            .map((one) => (
              <Field key={one.Name} label={one.Name} hint={one.Description}>
                <PlainParameter parameter={one} value={values[one.Name] ?? ""} onChange={change} />
              </Field>
            ))}
        </div>
      ) : null}
      <FormError error={run.error} />
      <div className="param-foot">
        <Button
          primary
          icon="play"
          type="submit"
          disabled={refusal !== "" || lacking.length > 0 || run.isPending}
          title={refusal}
        >
          Run
        </Button>
        {lacking.length > 0 ? <span className="muted">needs {lacking.join(", ")}</span> : null}
      </div>
    </form>
  );
}

/** Nodes that somebody published, or that a rule makes, may have none. */
function withTid(nodes: Iterable<Node>): Map<string, Node> {
  const found = new Map([...nodes].map((node) => [text(node.Metadata["TID"]), node]));
  found.delete("");
  return found;
}

interface ParameterProps {
  parameter: Parameter;
  value: string;
  onChange: (name: string, value: string) => void;
}

function NodeParameter({ parameter, value, byTid, onChange }: ParameterProps & { byTid: ReadonlyMap<string, Node> }) {
  const { waits, want } = usePicking();
  const { Name: name, Description: description } = parameter;
  const armed = waits === name;
  const wish = {
    slot: name,
    accepts: (node: Node) => text(node.Metadata["TID"]) !== "",
    take: (node: Node) => onChange(name, text(node.Metadata["TID"])),
  };
  return (
    <div title={description}>
      <PickTarget
        label={name}
        node={byTid.get(value)}
        armed={armed}
        hint={value || (isRequired(parameter) ? description || "pick" : `${description || "pick"} (optional)`)}
        onToggle={() => want(armed ? null : wish)}
        onClear={() => onChange(name, "")}
      />
    </div>
  );
}

function PlainParameter({ parameter, value, onChange }: ParameterProps) {
  const name = parameter.Name;
  const typed = (event: { target: { value: string } }): void => onChange(name, event.target.value);
  switch (controlOf(parameter)) {
    case "checkbox":
      return (
        <input
          type="checkbox"
          checked={value === "true"}
          onChange={(event) => onChange(name, event.target.checked ? "true" : "")}
        />
      );
    case "choice":
      return (
        <select value={value} onChange={typed}>
          {value === "" ? <option value="">choose</option> : null}
          {parameter.Values.map((choice) => (
            <option key={spelt(choice.Value)} value={spelt(choice.Value)}>
              {choice.Description || spelt(choice.Value)}
            </option>
          ))}
        </select>
      );
    case "number":
      return <input type="number" step={1} value={value} required={isRequired(parameter)} onChange={typed} />;
    default:
      return <input value={value} spellCheck={false} onChange={typed} />;
  }
}
