import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { api, onUnauthorized } from "./api/client";
import { renewPush } from "./base/push";
import { useLocation } from "./base/router";
import { useResource } from "./base/use-resource";
import { InfoContext } from "./info-context";
import { AboutPage } from "./pages/about/about-page";
import { LoginPage } from "./pages/login/login-page";
import { NewRunPage } from "./pages/new-run/new-run-page";
import { NotFoundPage } from "./pages/not-found-page";
import { OfflinePage } from "./pages/offline-page";
import { ProjectsPage } from "./pages/projects/projects-page";
import { QueuePage } from "./pages/queue/queue-page";
import { RunPage } from "./pages/run/run-page";
import { RunsPage } from "./pages/runs/runs-page";
import { SchedulesPage } from "./pages/schedules/schedules-page";
import { WorkflowPage } from "./pages/workflows/workflow-page";
import { WorkflowsPage } from "./pages/workflows/workflows-page";
import { TopBar } from "./top-bar";

// All that is about terminals is loaded when one of its pages is looked at.
const LiveSessionPage = lazy(() =>
  import("./pages/session/pages").then((all) => ({ default: all.LiveSessionPage })),
);
const ReplayPage = lazy(() => import("./pages/session/pages").then((all) => ({ default: all.ReplayPage })));
const SharedPage = lazy(() => import("./pages/session/pages").then((all) => ({ default: all.SharedPage })));
const SessionsPage = lazy(() =>
  import("./pages/session/pages").then((all) => ({ default: all.SessionsPage })),
);

function page(path: string): ReactNode {
  const run = /^\/runs\/([^/]+)\/?$/.exec(path)?.[1];
  if (path === "/" || path === "/runs") return <RunsPage />;
  if (path === "/runs/new") return <NewRunPage />;
  if (run) return <RunPage key={run} id={decodeURIComponent(run)} />;
  const workflow = /^\/workflows\/([^/]+)\/?$/.exec(path)?.[1];
  if (workflow) return <WorkflowPage key={workflow} name={decodeURIComponent(workflow)} />;
  const session = /^\/sessions\/([^/]+?)(\/replay)?\/?$/.exec(path);
  if (session?.[1]) {
    const id = decodeURIComponent(session[1]);
    return session[2] ? <ReplayPage key={id} id={id} /> : <LiveSessionPage id={id} />;
  }
  if (path === "/sessions") return <SessionsPage />;
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
  const unreachable = info.data === null && info.error?.status === 0; // from the start: see ConnectionNotice for later
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  // After a move inside the app the keyboard starts at the new page, as it does after a page load.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path is what this reacts to
  useEffect(() => {
    if (first.current) first.current = false;
    else main.current?.focus({ preventScroll: true });
  }, [path]);
  const known = info.data !== null; // somebody is logged in, if that is needed
  useEffect(() => {
    if (known) void renewPush();
  }, [known]);
  return (
    <InfoContext value={info}>
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <TopBar path={path} info={info.data} />
      <main id="main" ref={main} tabIndex={-1}>
        {unreachable ? <OfflinePage onRetry={info.refresh} /> : <Suspense>{page(path)}</Suspense>}
      </main>
    </InfoContext>
  );
}

export function App() {
  const [locked, setLocked] = useState(false);
  const { path } = useLocation();
  useEffect(() => onUnauthorized(() => setLocked(true)), []);
  const share = /^\/s\/([^/]+)\/?$/.exec(path)?.[1];
  if (share) {
    return (
      <Suspense>
        <SharedPage token={decodeURIComponent(share)} />
      </Suspense>
    ); // its token is all that a guest has
  }
  return locked ? <LoginPage onDone={() => setLocked(false)} /> : <Shell />;
}
