import { type ReactNode, useEffect, useRef, useState } from "react";
import { api, onUnauthorized } from "./api/client";
import { useLocation } from "./base/router";
import { useResource } from "./base/use-resource";
import { InfoContext } from "./info-context";
import { AboutPage } from "./pages/about/about-page";
import { LoginPage } from "./pages/login/login-page";
import { NewRunPage } from "./pages/new-run/new-run-page";
import { NotFoundPage } from "./pages/not-found-page";
import { ProjectsPage } from "./pages/projects/projects-page";
import { QueuePage } from "./pages/queue/queue-page";
import { RunPage } from "./pages/run/run-page";
import { RunsPage } from "./pages/runs/runs-page";
import { SchedulesPage } from "./pages/schedules/schedules-page";
import { WorkflowPage } from "./pages/workflows/workflow-page";
import { WorkflowsPage } from "./pages/workflows/workflows-page";
import { TopBar } from "./top-bar";

function page(path: string): ReactNode {
  const run = /^\/runs\/([^/]+)\/?$/.exec(path)?.[1];
  if (path === "/" || path === "/runs") return <RunsPage />;
  if (path === "/runs/new") return <NewRunPage />;
  if (run) return <RunPage key={run} id={decodeURIComponent(run)} />;
  const workflow = /^\/workflows\/([^/]+)\/?$/.exec(path)?.[1];
  if (workflow) return <WorkflowPage key={workflow} name={decodeURIComponent(workflow)} />;
  if (path === "/workflows") return <WorkflowsPage />;
  if (path === "/schedules") return <SchedulesPage />;
  if (path === "/queue") return <QueuePage />;
  if (path === "/projects") return <ProjectsPage />;
  if (path === "/about") return <AboutPage />;
  return <NotFoundPage />;
}

function Shell() {
  const { path } = useLocation();
  const info = useResource("info", api.info);
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  // After a move inside the app the keyboard starts at the new page, as it does after a page load.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path is what this reacts to
  useEffect(() => {
    if (first.current) first.current = false;
    else main.current?.focus({ preventScroll: true });
  }, [path]);
  return (
    <InfoContext value={info}>
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <TopBar path={path} info={info.data} />
      <main id="main" ref={main} tabIndex={-1}>
        {page(path)}
      </main>
    </InfoContext>
  );
}

export function App() {
  const [locked, setLocked] = useState(false);
  useEffect(() => onUnauthorized(() => setLocked(true)), []);
  return locked ? <LoginPage onDone={() => setLocked(false)} /> : <Shell />;
}
