import { Download, Package } from "lucide-react";
import { api, runPath } from "../../api/client";
import type { Run } from "../../api/types";
import { formatBytes } from "../../base/format";
import { useResource } from "../../base/use-resource";
import { Ago } from "../../ui/elapsed";
import { ProblemNotice } from "../../ui/problem-notice";

export function ArtifactsTab({ run }: { run: Run }) {
  const { data, error } = useResource(`artifacts ${run.id} ${run.version}`, (signal) =>
    api.artifacts(run.id, signal),
  );
  if (error) return <ProblemNotice error={error} />;
  if (!data) return <div className="run-placeholder" aria-hidden />;
  if (data.items.length === 0) {
    return (
      <div className="tab-empty">
        <Package aria-hidden />
        <p>No artifacts yet. A run keeps its diff, transcript and report here.</p>
      </div>
    );
  }
  return (
    // biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets
    <ul role="list" className="artifacts card">
      {data.items.map((artifact) => (
        <li key={artifact.name}>
          <Package aria-hidden className="muted" />
          <span className="artifact-name">
            <strong>{artifact.name}</strong>
            <span className="muted small">
              {artifact.media_type} · {formatBytes(artifact.size_bytes)} · <Ago time={artifact.created_at} />
            </span>
          </span>
          <a
            className="button button-small"
            href={`${runPath(run.id)}/artifacts/${encodeURIComponent(artifact.name)}`}
            download={artifact.name}
            aria-label={`Download ${artifact.name}`}
          >
            <Download aria-hidden />
            Download
          </a>
        </li>
      ))}
    </ul>
  );
}
