import { FolderGit2, GitBranch, Plus, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { type ApiError, fieldOf, toApiError } from "../../api/problem";
import type { Project } from "../../api/types";
import { Link } from "../../base/router";
import { useResource } from "../../base/use-resource";
import { useTitle } from "../../base/use-title";
import { GitUrlField } from "../../forms/git-url-field";
import { ConfirmDialog } from "../../ui/confirm-dialog";
import { Dialog } from "../../ui/dialog";
import { Ago } from "../../ui/elapsed";
import { EmptyState } from "../../ui/empty-state";
import { TextField } from "../../ui/fields";
import { ProblemNotice } from "../../ui/problem-notice";
import "./projects-page.css";

// A name from the last part of an address: "https://host/team/shop.git" → "shop".
function nameFrom(url: string): string {
  return /([^/:]+?)(?:\.git)?\/*$/.exec(url.trim())?.[1] ?? "";
}

function NewProject({ onClose, onCreated }: { onClose: () => void; onCreated: () => void }) {
  const [url, setUrl] = useState("");
  const [name, setName] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const shownName = name ?? nameFrom(url);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await api.createProject({ name: shownName, git_url: url.trim() });
      onCreated();
      onClose();
    } catch (cause) {
      setError(toApiError(cause));
      setBusy(false);
    }
  };
  const field = error?.status === 409 ? "name" : error ? fieldOf(error, ["git_url", "name"]) : null;
  return (
    <Dialog title="New project" onClose={onClose}>
      <form className="project-form" onSubmit={(event) => void submit(event)}>
        <GitUrlField
          value={url}
          error={field === "git_url" ? error?.message : null}
          required
          onChange={setUrl}
        />
        <TextField
          id="name"
          label="Name"
          error={field === "name" ? error?.message : null}
          required
          maxLength={100}
          value={shownName}
          onChange={setName}
        />
        {error && !field ? <ProblemNotice error={error} /> : null}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            Close
          </button>
          <button type="submit" className="button button-primary" disabled={busy}>
            Create the project
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function ProjectRow({ project, onDelete }: { project: Project; onDelete: () => void }) {
  return (
    <li className="project" data-project={project.name}>
      <FolderGit2 aria-hidden className="muted" />
      <div className="project-text">
        <Link href={`/runs?project=${encodeURIComponent(project.id)}`} className="project-name">
          {project.name}
        </Link>
        <div className="project-sub muted small">
          <code>{project.git_url}</code>
          {project.default_branch ? (
            <span className="project-branch">
              <GitBranch aria-hidden />
              {project.default_branch}
            </span>
          ) : null}
          <span>
            added <Ago time={project.created_at} />
          </span>
        </div>
      </div>
      <Link href={`/runs/new?project=${encodeURIComponent(project.id)}`} className="button button-small">
        <Plus aria-hidden />
        Run<span className="visually-hidden"> in {project.name}</span>
      </Link>
      <button type="button" className="icon-button" aria-label={`Delete ${project.name}`} onClick={onDelete}>
        <Trash2 aria-hidden />
      </button>
    </li>
  );
}

export function ProjectsPage() {
  const { data, error, refresh } = useResource("projects", api.projects);
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<Project | null>(null);
  useTitle("Projects");
  return (
    <div className="page">
      <div className="page-head">
        <h1>Projects</h1>
        <button type="button" className="button" onClick={() => setCreating(true)}>
          <Plus aria-hidden />
          New project
        </button>
      </div>
      {error ? <ProblemNotice error={error} /> : null}
      {data?.items.length === 0 ? (
        <EmptyState icon={FolderGit2} title="No projects yet">
          <p className="muted">
            A project is a git repository that agents work on. Starting a run on a new one adds it.
          </p>
          <button type="button" className="button button-primary" onClick={() => setCreating(true)}>
            <Plus aria-hidden />
            Add a repository
          </button>
        </EmptyState>
      ) : null}
      {data && data.items.length > 0 ? (
        // biome-ignore lint/a11y/noRedundantRoles: Safari forgets lists without bullets
        <ul role="list" className="projects card">
          {data.items.map((project) => (
            <ProjectRow key={project.id} project={project} onDelete={() => setDeleting(project)} />
          ))}
        </ul>
      ) : null}
      {creating ? <NewProject onClose={() => setCreating(false)} onCreated={refresh} /> : null}
      {deleting ? (
        <ConfirmDialog
          title={`Delete ${deleting.name}?`}
          action="Delete the project"
          keep="Keep it"
          danger
          onConfirm={async () => {
            await api.deleteProject(deleting.id);
            refresh();
          }}
          onClose={() => setDeleting(null)}
        >
          <p>The project and Corral's mirror of it go. The repository itself is not touched.</p>
        </ConfirmDialog>
      ) : null}
    </div>
  );
}
