// SPDX-License-Identifier: Apache-2.0
// Requests to the server's REST API. Every failure is an ApiError whose message can be shown as it is.

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Of somebody else's words. */
const LONGEST_FAILURE = 4000;
/** Browsers drop connections that are being made whenever an interface of their own machine comes or goes. */
const ATTEMPTS = 4;
const PAUSE_MS = 150;
/** What a second POST would do once more. */
const NOT_REPEATED = /^api\/(capture|check|check\/[^/]+\/run|alert|injectpacket|workflow|workflow\/[^/]+\/call(\?.*)?)$/;

export async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("Accept", "application/json");
  const attempts = init.method === "POST" && (NOT_REPEATED.test(path) || maySayWorkflow(init)) ? 1 : ATTEMPTS;
  let sent = 0;
  const send = (): Promise<Response> => {
    sent += 1;
    return fetch(path, { ...init, headers });
  };
  const response = await repeated(send, attempts, init.signal);
  // Of a deletion whose answer was lost the second one finds nothing: that is what was wanted.
  if (init.method === "DELETE" && response.status === 404 && sent > 1) return response;
  if (!response.ok) throw new ApiError(response.status, await failureText(response));
  return response;
}

/** A query may call workflows, which do whatever the user may. */
function maySayWorkflow({ body }: RequestInit): boolean {
  return typeof body === "string" && /workflow/i.test(body);
}

async function repeated(send: () => Promise<Response>, attempts: number, signal?: AbortSignal | null): Promise<Response> {
  for (let left = attempts; ; left -= 1) {
    try {
      return await send();
    } catch (cause) {
      if (signal?.aborted) throw cause;
      if (left <= 1) throw new ApiError(0, "the server does not answer");
      await new Promise((resume) => setTimeout(resume, PAUSE_MS));
    }
  }
}

/** The server explains in plain text, or as problem+json with `detail`. */
export async function failureText(response: Response): Promise<string> {
  const text = (await response.text()).trim();
  if (text.startsWith("{")) {
    try {
      const problem = JSON.parse(text) as { detail?: unknown; title?: unknown };
      if (typeof problem.detail === "string") return problem.detail;
      if (typeof problem.title === "string") return problem.title;
    } catch {
      // Not JSON after all: shown as the text that it is.
    }
  }
  if (text.startsWith("<")) return `a proxy before the server answered ${response.status}${reason(response)}`;
  return text.slice(0, LONGEST_FAILURE) || `the server answered ${response.status}${reason(response)}`;
}

function reason({ statusText }: Response): string {
  return statusText ? ` (${statusText})` : "";
}

export async function read(path: string, init?: RequestInit): Promise<unknown> {
  const response = await call(path, init);
  return response.status === 204 ? null : response.json();
}

export function sending(method: string, body: unknown, headers: Record<string, string> = {}): RequestInit {
  return { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } };
}

export function withSignal(init: RequestInit, signal: AbortSignal | undefined): RequestInit {
  return signal ? { ...init, signal } : init;
}

export function parameters(values: Record<string, string | number | undefined>): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value !== undefined) query.set(key, String(value));
  return query.toString();
}
