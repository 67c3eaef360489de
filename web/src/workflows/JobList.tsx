// SPDX-License-Identifier: Apache-2.0
// Recent calls, the newest first: who called, how it ended, how long it took.

import { useQuery } from "@tanstack/react-query";
import { listJobs } from "../api/workflows";
import type { Job } from "../api/types";
import { go } from "../state/place";
import { dateTime, duration } from "../ui/format";
import { Icon } from "../ui/Icon";
import { useNow } from "../ui/now";
import { ErrorNote, messageOf } from "../ui/widgets";
import { lookOf, tookMs } from "./jobs";

interface Props {
  /** "" = of all workflows. */
  workflow: string;
  /** Why the user may not see what a call gave, "" = may. */
  refusal: string;
}

export function JobList({ workflow, refusal }: Props) {
  const now = useNow();
  const jobs = useQuery({
    queryKey: ["jobs", workflow],
    queryFn: ({ signal }) => listJobs(workflow, signal),
  });
  if (jobs.error) return <ErrorNote>{messageOf(jobs.error)}</ErrorNote>;
  if (!jobs.data) return null;
  if (jobs.data.length === 0) return <p className="muted">Nobody has called {workflow ? "it" : "any"} yet.</p>;
  return (
    <div className="wide-table">
      <table className="plain-table" aria-label="Calls">
        <thead>
          <tr>
            <th>Called at</th>
            {workflow ? null : <th>Workflow</th>}
            <th>State</th>
            <th>By</th>
            <th className="numeric">Took</th>
          </tr>
        </thead>
        <tbody>
          {jobs.data.map((job) => (
            <tr key={job.UUID} data-testid="job" data-state={job.State}>
              <td>
                <button
                  type="button"
                  className="link-button"
                  disabled={refusal !== ""}
                  title={refusal || "Show its log and result"}
                  onClick={() => go({ job: job.UUID })}
                >
                  {dateTime(job.CreatedAt)}
                </button>
              </td>
              {workflow ? null : <td>{job.WorkflowName}</td>}
              <td>
                <JobBadge state={job.State} />
              </td>
              <td>{job.CalledBy}</td>
              <td className="numeric">{job.StartedAt > 0 ? duration(tookMs(job, now)) : "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function JobBadge({ state }: { state: Job["State"] }) {
  const { icon, tone } = lookOf(state);
  return (
    <span className={`badge tone-${tone}`} data-state={state}>
      <Icon name={icon} size={13} />
      {state}
    </span>
  );
}
