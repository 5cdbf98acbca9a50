import type { ReactNode } from "react";
import type { ApiError } from "../api/problem";
import { Link } from "../base/router";
import { ProblemNotice } from "./problem-notice";

// A page whose document did not come: why, and where to go on. `loading` stands there until it is known.
export function CannotShow({
  error,
  kind,
  what = kind,
  all,
  loading,
}: {
  error: ApiError | null;
  kind: string; // what its address names: "run"
  what?: string; // what is shown of it: "recording"
  all: string; // the list's address
  loading: ReactNode;
}) {
  if (!error) return <div className="page">{loading}</div>;
  return (
    <div className="page">
      <h1>{error.status === 404 ? `There is no such ${kind}` : `This ${what} cannot be shown`}</h1>
      <div className="cannot-show">
        <ProblemNotice error={error} />
      </div>
      <Link href={all}>All {kind}s</Link>
    </div>
  );
}
