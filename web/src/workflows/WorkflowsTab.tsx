// SPDX-License-Identifier: Apache-2.0
// All workflows, the way to a new one, and recent calls; or one call with its result.

import { useQuery } from "@tanstack/react-query";
import { listWorkflows } from "../api/workflows";
import { useRefusal } from "../state/access";
import { forget, useDraft } from "../state/drafts";
import { place } from "../state/place";
import { useStore } from "../state/store";
import { ListHead } from "../ui/Card";
import { Refusal } from "../ui/Field";
import { ErrorNote, messageOf } from "../ui/widgets";
import { JobList } from "./JobList";
import { JobView } from "./JobView";
import { useWorkflowNews } from "./useWorkflowNews";
import { WorkflowCard } from "./WorkflowCard";
import { WorkflowForm } from "./WorkflowForm";

export default function WorkflowsTab() {
  const { workflow: open, job } = useStore(place);
  const [making, setMaking] = useDraft("workflow.making", () => false);
  useWorkflowNews();
  const unseen = useRefusal("workflow read");
  const refusals = { write: useRefusal("workflow write"), call: useRefusal("workflow.call write") };
  const found = useQuery({
    queryKey: ["workflows"],
    queryFn: ({ signal }) => listWorkflows(signal),
    enabled: unseen === "",
  });
  const done = (): void => {
    setMaking(false);
    forget("workflow.text");
  };
  if (unseen) return <Refusal reason={unseen} />;
  if (job) return <JobView key={job} uuid={job} />;
  return (
    <div className="stack fill">
      {making ? (
        <WorkflowForm onDone={done} />
      ) : (
        <ListHead title="Workflows" number={found.data?.length ?? null} refusal={refusals.write} onCreate={() => setMaking(true)} />
      )}
      <Refusal reason={refusals.call || refusals.write} />
      <div className="scroll">
        {found.error ? <ErrorNote>{messageOf(found.error)}</ErrorNote> : null}
        <ul className="cards" aria-label="Workflows">
          {(found.data ?? []).map((workflow) => (
            <WorkflowCard key={workflow.UUID} workflow={workflow} open={workflow.UUID === open} refusals={refusals} />
          ))}
        </ul>
        <h3 className="block-title">Recent calls</h3>
        <JobList workflow="" refusal={refusals.call} />
      </div>
    </div>
  );
}
