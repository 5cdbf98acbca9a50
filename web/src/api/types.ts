// The API's documents, by name. All come from the generated schema; nothing is typed by hand here.
import type { paths } from "./schema";

type Body<T> = T extends { content: { "application/json": infer B } } ? B : never;

export type Info = Body<paths["/api/v1/info"]["get"]["responses"][200]>;
export type AgentInfo = Info["agents"][number];
export type Run = Body<paths["/api/v1/runs/{run}"]["get"]["responses"][200]>;
export type RunPage = Body<paths["/api/v1/runs"]["get"]["responses"][200]>;
export type Step = Run["steps"][number];
export type Approval = Run["approvals"][number];
export type RunStatus = Run["status"];
export type StepStatus = Step["status"];
export type Isolation = Info["isolation"];
export type StartRun = NonNullable<
  paths["/api/v1/runs"]["post"]["requestBody"]
>["content"]["application/json"];
export type Project = Body<paths["/api/v1/projects"]["post"]["responses"][201]>;
export type NewProject = NonNullable<
  paths["/api/v1/projects"]["post"]["requestBody"]
>["content"]["application/json"];
export type NewPushSubscription = NonNullable<
  paths["/api/v1/push/subscriptions"]["post"]["requestBody"]
>["content"]["application/json"];
export type RunEvent = Body<paths["/api/v1/runs/{run}/events"]["get"]["responses"][200]>["items"][number];
export type Artifact = Body<paths["/api/v1/runs/{run}/artifacts"]["get"]["responses"][200]>["items"][number];
export type Folder = Body<paths["/api/v1/runs/{run}/files"]["get"]["responses"][200]>;
export type FolderItem = Folder["items"][number];
export type Workflow = Body<paths["/api/v1/workflows/{name}"]["get"]["responses"][200]>;
export type WorkflowInput = Workflow["inputs"][string];
export type Schedule = Body<paths["/api/v1/schedules/{schedule}"]["get"]["responses"][200]>;
export type NewSchedule = NonNullable<
  paths["/api/v1/schedules"]["post"]["requestBody"]
>["content"]["application/json"];
export type Queue = Body<paths["/api/v1/queue"]["get"]["responses"][200]>;
export type Job = Body<paths["/api/v1/jobs"]["get"]["responses"][200]>["items"][number];
export type JobState = Job["state"];
export type Session = Body<paths["/api/v1/sessions/{session}"]["get"]["responses"][200]>;
export type SessionStatus = Session["status"];
export type NewSession = NonNullable<
  paths["/api/v1/sessions"]["post"]["requestBody"]
>["content"]["application/json"];
export type ShareLink = Body<paths["/api/v1/sessions/{session}/shares"]["post"]["responses"][201]>;
export type ShareRole = ShareLink["role"];
