// RFC 9457 problems, as the API answers them, and what the page makes of a request that got no answer.

export interface FieldError {
  field: string;
  message: string;
}

export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(
    readonly status: number, // 0: no answer
    readonly title: string,
    readonly detail: string,
    readonly code: string,
    readonly requestId: string,
  ) {
    super(detail || title);
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function problemFrom(status: number, body: unknown): ApiError {
  const problem = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const title = text(problem.title) || `The server answered ${status}`;
  return new ApiError(status, title, text(problem.detail), text(problem.code), text(problem.request_id));
}

export function unreachable(): ApiError {
  return new ApiError(0, "Corral cannot be reached", "Is `corral serve` still running?", "unavailable", "");
}

export function toApiError(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  // fetch rejects with a TypeError when there is no answer; anything else is a bug and should look like one.
  if (cause instanceof TypeError) return unreachable();
  return new ApiError(
    0,
    "The page failed",
    cause instanceof Error ? cause.message : String(cause),
    "internal",
    "",
  );
}

// The form field that a problem speaks of: the first of `fields` that its detail names. Null: the form as a whole.
export function fieldOf(problem: ApiError, fields: readonly string[]): string | null {
  let best: string | null = null;
  let at = Number.POSITIVE_INFINITY;
  for (const field of fields) {
    const found = problem.message.search(new RegExp(`(^|[^a-z_])${field}([^a-z_]|$)`, "i"));
    if (found >= 0 && found < at) {
      at = found;
      best = field;
    }
  }
  return best;
}
