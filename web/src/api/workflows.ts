// SPDX-License-Identifier: Apache-2.0
// Calls about workflows, and the jobs that their calls are.

import { call, parameters, read, sending, withSignal } from "./http";
import type { Job, Json, WorkflowView } from "./types";

const LISTED = 30;

export async function listWorkflows(signal?: AbortSignal): Promise<WorkflowView[]> {
  return Object.values(((await read("api/workflow", withSignal({}, signal))) ?? {}) as Record<string, WorkflowView>);
}

/** `text` is YAML, and so may be JSON. */
export async function createWorkflow(text: string): Promise<WorkflowView> {
  const init = { method: "POST", body: text, headers: { "Content-Type": "application/yaml" } };
  return (await read("api/workflow", init)) as WorkflowView;
}

export async function changeSource(uuid: string, source: string): Promise<WorkflowView> {
  return (await read(`api/workflow/${encodeURIComponent(uuid)}`, sending("PATCH", { Source: source }))) as WorkflowView;
}

export async function deleteWorkflow(uuid: string): Promise<void> {
  await call(`api/workflow/${encodeURIComponent(uuid)}`, { method: "DELETE" });
}

/** Answers with the job at once; arguments are by the names of the parameters. */
export async function callWorkflow(uuid: string, params: Record<string, Json>): Promise<Job> {
  const path = `api/workflow/${encodeURIComponent(uuid)}/call?wait=false`;
  return (await read(path, sending("POST", { Params: params }))) as Job;
}

/** The newest first, without log and result; `workflow` "" = of all. */
export async function listJobs(workflow: string, signal?: AbortSignal): Promise<Job[]> {
  const query = parameters({ workflow: workflow || undefined, limit: LISTED });
  return ((await read(`api/workflow/jobs?${query}`, withSignal({}, signal))) ?? []) as Job[];
}

export async function readJob(uuid: string, signal?: AbortSignal): Promise<Job> {
  return (await read(`api/workflow/jobs/${encodeURIComponent(uuid)}`, withSignal({}, signal))) as Job;
}

export async function cancelJob(uuid: string): Promise<void> {
  await call(`api/workflow/jobs/${encodeURIComponent(uuid)}/cancel`, { method: "POST" });
}
