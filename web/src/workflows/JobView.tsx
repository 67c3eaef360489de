// SPDX-License-Identifier: Apache-2.0
// One call: how far it is, what it logged, what it gave or why it did not.

import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { cancelJob, readJob } from "../api/workflows";
import type { Job } from "../api/types";
import { ResultJson } from "../console/ResultJson";
import { MetadataTree } from "../inspector/MetadataTree";
import { go } from "../state/place";
import { dateTime, duration } from "../ui/format";
import { Icon } from "../ui/Icon";
import { useNow } from "../ui/now";
import { tell } from "../ui/toasts";
import { Button, ErrorNote, messageOf, Tabs } from "../ui/widgets";
import { JobBadge } from "./JobList";
import { hasEnded, tookMs } from "./jobs";

/** Once more after so long when it cannot be read: it may have been forgotten, or the server restarts. */
const LOOK_AGAIN = 5000;

export function JobView({ uuid }: { uuid: string }) {
  const found = useQuery({
    queryKey: ["job", uuid],
    queryFn: ({ signal }) => readJob(uuid, signal),
    // Else the server tells when there is more to read.
    refetchInterval: ({ state }) => (state.status === "error" ? LOOK_AGAIN : false),
  });
  return (
    <div className="stack fill" data-testid="job-view" data-state={found.data?.State}>
      <header className="section-head roomy">
        <button type="button" className="link-button" onClick={() => go({ job: "" })}>
          <span className="turn back">
            <Icon name="chevron" size={14} />
          </span>
          Workflows
        </button>
        {found.data ? <JobBadge state={found.data.State} /> : null}
        <h3 className="ellipsis">{found.data?.WorkflowName ?? ""}</h3>
        <span className="spring" />
        {found.data && !hasEnded(found.data) ? <Cancel uuid={uuid} /> : null}
      </header>
      <div className="scroll job">
        {found.error ? <ErrorNote>{messageOf(found.error)}</ErrorNote> : null}
        {found.data ? <JobBody job={found.data} /> : null}
      </div>
    </div>
  );
}

function Cancel({ uuid }: { uuid: string }) {
  const cancel = useMutation({
    mutationFn: () => cancelJob(uuid),
    onError: (error) => tell(messageOf(error), "alert", "red"),
  });
  return (
    <Button icon="stop" disabled={cancel.isPending || cancel.isSuccess} onClick={() => cancel.mutate()}>
      Cancel
    </Button>
  );
}

export function JobBody({ job }: { job: Job }) {
  const now = useNow();
  return (
    <>
      <p className="muted">
        Called at {dateTime(job.CreatedAt)} by {job.CalledBy || "nobody known"} on {job.Host}
        {job.StartedAt > 0 ? `, ${hasEnded(job) ? "took" : "running for"} ${duration(tookMs(job, now))}` : ""}
      </p>
      {hasEnded(job) ? null : (
        <div className="job-progress">
          <progress value={job.Progress} max={1} aria-label="Progress" />
          <span>{job.ProgressText || `${Math.round(job.Progress * 100)} %`}</span>
        </div>
      )}
      {job.Reason ? (
        <ErrorNote>
          {job.Reason}
          {job.Hint ? <span className="muted"> — {job.Hint}</span> : null}
        </ErrorNote>
      ) : null}
      {job.Withheld ? <p className="tone-text-amber">Log and result are not shown: {job.Withheld}</p> : null}
      {job.State === "done" && !job.Withheld ? <Result job={job} /> : null}
      <Record job={job} />
    </>
  );
}

/** What it was called with, and what it logged. */
function Record({ job }: { job: Job }) {
  return (
    <>
      {job.Params.length > 0 ? (
        <section>
          <h3 className="block-title">Called with</h3>
          <pre className="lines">{job.Params.map((one) => JSON.stringify(one)).join("\n")}</pre>
        </section>
      ) : null}
      {job.Log.length > 0 ? (
        <section aria-label="Log">
          <h3 className="block-title">Log</h3>
          <pre className="lines" data-testid="job-log" tabIndex={0}>
            {job.Log.join("\n")}
          </pre>
        </section>
      ) : null}
    </>
  );
}

function Result({ job }: { job: Job }) {
  const [form, setForm] = useState<"tree" | "json">("tree");
  return (
    <section aria-label="Result" data-testid="job-result">
      <Tabs
        small
        label="Result"
        items={[
          { id: "tree", label: "Result" },
          { id: "json", label: "JSON" },
        ]}
        chosen={form}
        onChoose={setForm}
      />
      {form === "tree" ? (
        <MetadataTree label="Result" data={{ Result: job.Result }} />
      ) : (
        <ResultJson value={job.Result} />
      )}
    </section>
  );
}
