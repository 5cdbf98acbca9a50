import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import type { ApiError } from "../api/problem";

export function ProblemNotice({ error, children }: { error: ApiError; children?: ReactNode }) {
  return (
    <div className="notice notice-bad" role="alert">
      <TriangleAlert aria-hidden />
      <div>
        <strong>{error.title}</strong>
        {error.detail ? <div>{error.detail}</div> : null}
        {error.requestId ? <div className="muted">Request {error.requestId}</div> : null}
        {children}
      </div>
    </div>
  );
}
