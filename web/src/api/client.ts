// The one door to the API: typed by the generated schema, errors as ApiError, a 401 announced to the app.
import createClient from "openapi-fetch";
import { problemFrom, toApiError } from "./problem";
import type { paths } from "./schema";
import type {
  Job,
  JobState,
  NewProject,
  NewPushSubscription,
  NewSchedule,
  NewSession,
  RunStatus,
  SessionStatus,
  ShareRole,
  StartRun,
} from "./types";

const client = createClient<paths>({ baseUrl: "" });

type Listener = () => void;
const unauthorizedListeners = new Set<Listener>();

// Calls back whenever the API asks for a login. Returns the way to stop.
export function onUnauthorized(listener: Listener): Listener {
  unauthorizedListeners.add(listener);
  return () => unauthorizedListeners.delete(listener);
}

export function announceUnauthorized() {
  for (const listener of unauthorizedListeners) listener();
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

async function unwrap<T>(pending: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await pending;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw toApiError(cause);
  }
  if (answer.response.ok) return answer.data as T;
  if (answer.response.status === 401) announceUnauthorized();
  throw problemFrom(answer.response.status, answer.error);
}

export const runPath = (run: string) => `/api/v1/runs/${encodeURIComponent(run)}`;

export const sessionPath = (session: string) => `/api/v1/sessions/${encodeURIComponent(session)}`;

export const api = {
  info: (signal?: AbortSignal) => unwrap(client.GET("/api/v1/info", { signal })),
  login: (token: string) => unwrap(client.POST("/api/v1/login", { body: { token } })),

  projects: (signal?: AbortSignal) =>
    unwrap(client.GET("/api/v1/projects", { params: { query: { limit: 500 } }, signal })),
  createProject: (body: NewProject) => unwrap(client.POST("/api/v1/projects", { body })),
  deleteProject: (project: string) =>
    unwrap(client.DELETE("/api/v1/projects/{project}", { params: { path: { project } } })),

  runs: (query: { project?: string; status?: RunStatus; limit?: number }, signal?: AbortSignal) =>
    unwrap(client.GET("/api/v1/runs", { params: { query }, signal })),
  run: (run: string, signal?: AbortSignal) =>
    unwrap(client.GET("/api/v1/runs/{run}", { params: { path: { run } }, signal })),
  runAt: (run: string, version: number, signal?: AbortSignal) =>
    unwrap(client.GET("/api/v1/runs/{run}", { params: { path: { run }, query: { version } }, signal })),
  startRun: (body: StartRun, idempotencyKey: string) =>
    unwrap(client.POST("/api/v1/runs", { body, params: { header: { "Idempotency-Key": idempotencyKey } } })),
  cancelRun: (run: string, reason: string) =>
    unwrap(client.POST("/api/v1/runs/{run}/cancel", { params: { path: { run } }, body: { reason } })),
  retryRun: (run: string, from?: string) =>
    unwrap(
      client.POST("/api/v1/runs/{run}/retry", { params: { path: { run } }, body: from ? { from } : {} }),
    ),
  forkRun: (run: string, from: string, idempotencyKey: string) =>
    unwrap(
      client.POST("/api/v1/runs/{run}/fork", {
        params: { path: { run }, header: { "Idempotency-Key": idempotencyKey } },
        body: from ? { from } : {},
      }),
    ),
  pauseRun: (run: string) =>
    unwrap(client.POST("/api/v1/runs/{run}/pause", { params: { path: { run } }, body: {} })),
  resumeRun: (run: string) => unwrap(client.POST("/api/v1/runs/{run}/resume", { params: { path: { run } } })),
  promptStep: (run: string, step: string, text: string, idempotencyKey: string) =>
    unwrap(
      client.POST("/api/v1/runs/{run}/steps/{step}/prompt", {
        params: { path: { run, step }, header: { "Idempotency-Key": idempotencyKey } },
        body: { text },
      }),
    ),
  interruptStep: (run: string, step: string) =>
    unwrap(client.POST("/api/v1/runs/{run}/steps/{step}/interrupt", { params: { path: { run, step } } })),
  setStepMode: (run: string, step: string, permissions: "ask" | "workspace") =>
    unwrap(
      client.POST("/api/v1/runs/{run}/steps/{step}/mode", {
        params: { path: { run, step } },
        body: { permissions },
      }),
    ),
  artifacts: (run: string, signal?: AbortSignal) =>
    unwrap(client.GET("/api/v1/runs/{run}/artifacts", { params: { path: { run } }, signal })),
  diff: (run: string, signal?: AbortSignal) =>
    unwrap(client.GET("/api/v1/runs/{run}/diff", { params: { path: { run } }, parseAs: "text", signal })),
  files: (run: string, path: string, signal?: AbortSignal) =>
    unwrap(client.GET("/api/v1/runs/{run}/files", { params: { path: { run }, query: { path } }, signal })),
  // The bytes of a file, or null when there are more than `most`; they are not fetched then.
  fileContent: async (run: string, path: string, most: number, signal?: AbortSignal) => {
    const abort = new AbortController();
    signal?.addEventListener("abort", () => abort.abort());
    const pending = client.GET("/api/v1/runs/{run}/files/content", {
      params: { path: { run }, query: { path } },
      parseAs: "stream",
      signal: abort.signal,
    });
    await unwrap(pending);
    const { response, data } = await pending;
    const size = Number(response.headers.get("Content-Length"));
    if (size > most) {
      abort.abort();
      return { size, bytes: null };
    }
    return { size, bytes: new Uint8Array(await new Response(data).arrayBuffer()) };
  },
  putFile: (run: string, path: string, file: Blob) =>
    unwrap(
      client.PUT("/api/v1/runs/{run}/files/content", {
        params: { path: { run }, query: { path } },
        body: file as unknown as string, // a generated type says so of all bytes
        bodySerializer: (body) => body,
        headers: { "Content-Type": "application/octet-stream" },
      }),
    ),
  decide: (approval: string, decision: "allow" | "deny", message: string, choice = "") =>
    unwrap(
      client.POST("/api/v1/approvals/{approval}", {
        params: { path: { approval } },
        body: { decision, message, ...(choice ? { choice } : {}) },
      }),
    ),

  workflows: (signal?: AbortSignal) => unwrap(client.GET("/api/v1/workflows", { signal })),
  // "name", or "name@version"
  workflow: (name: string, signal?: AbortSignal) =>
    unwrap(client.GET("/api/v1/workflows/{name}", { params: { path: { name } }, signal })),
  saveWorkflow: (definition: string) => unwrap(client.POST("/api/v1/workflows", { body: { definition } })),
  deleteWorkflow: (name: string) =>
    unwrap(client.DELETE("/api/v1/workflows/{name}", { params: { path: { name } } })),

  schedules: (signal?: AbortSignal) => unwrap(client.GET("/api/v1/schedules", { signal })),
  createSchedule: (body: NewSchedule, idempotencyKey: string) =>
    unwrap(
      client.POST("/api/v1/schedules", { body, params: { header: { "Idempotency-Key": idempotencyKey } } }),
    ),
  pauseSchedule: (schedule: string) =>
    unwrap(client.POST("/api/v1/schedules/{schedule}/pause", { params: { path: { schedule } } })),
  resumeSchedule: (schedule: string) =>
    unwrap(client.POST("/api/v1/schedules/{schedule}/resume", { params: { path: { schedule } } })),
  deleteSchedule: (schedule: string) =>
    unwrap(client.DELETE("/api/v1/schedules/{schedule}", { params: { path: { schedule } } })),

  queue: (signal?: AbortSignal) => unwrap(client.GET("/api/v1/queue", { signal })),
  pauseQueue: (group?: string) =>
    unwrap(client.POST("/api/v1/queue/pause", { body: group ? { group } : {} })),
  resumeQueue: (group?: string) =>
    unwrap(client.POST("/api/v1/queue/resume", { body: group ? { group } : {} })),
  jobs: (query: { state?: JobState; cursor?: string; limit?: number }, signal?: AbortSignal) =>
    unwrap(client.GET("/api/v1/jobs", { params: { query }, signal })),
  retryJob: (job: Job["id"]) =>
    unwrap(client.POST("/api/v1/jobs/{job}/retry", { params: { path: { job } } })),
  discardJob: (job: Job["id"]) => unwrap(client.DELETE("/api/v1/jobs/{job}", { params: { path: { job } } })),

  pushKey: (signal?: AbortSignal) => unwrap(client.GET("/api/v1/push/key", { signal })),
  pushSubscriptions: (signal?: AbortSignal) => unwrap(client.GET("/api/v1/push/subscriptions", { signal })),
  addPushSubscription: (body: NewPushSubscription) =>
    unwrap(client.POST("/api/v1/push/subscriptions", { body })),
  removePushSubscription: (subscription: string) =>
    unwrap(
      client.DELETE("/api/v1/push/subscriptions/{subscription}", { params: { path: { subscription } } }),
    ),

  sessions: (query: { run?: string; status?: SessionStatus; limit?: number }, signal?: AbortSignal) =>
    unwrap(client.GET("/api/v1/sessions", { params: { query }, signal })),
  session: (session: string, signal?: AbortSignal) =>
    unwrap(client.GET("/api/v1/sessions/{session}", { params: { path: { session } }, signal })),
  createSession: (body: NewSession, idempotencyKey: string) =>
    unwrap(
      client.POST("/api/v1/sessions", { body, params: { header: { "Idempotency-Key": idempotencyKey } } }),
    ),
  renameSession: (session: string, name: string) =>
    unwrap(
      client.POST("/api/v1/sessions/{session}/rename", { params: { path: { session } }, body: { name } }),
    ),
  stopSession: (session: string) =>
    unwrap(client.POST("/api/v1/sessions/{session}/stop", { params: { path: { session } }, body: {} })),
  shareSession: (session: string, role: ShareRole, expiresS: number) =>
    unwrap(
      client.POST("/api/v1/sessions/{session}/shares", {
        params: { path: { session } },
        body: { role, expires_s: expiresS },
      }),
    ),
  revokeShare: (session: string, share: string) =>
    unwrap(
      client.DELETE("/api/v1/sessions/{session}/shares/{share}", { params: { path: { session, share } } }),
    ),
  shared: (share: string, signal?: AbortSignal) =>
    unwrap(client.GET("/api/v1/shared", { params: { query: { share } }, signal })),
};
