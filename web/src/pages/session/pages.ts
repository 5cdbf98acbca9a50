// What the app loads when a session is looked at, as one piece.
export { SessionsPage } from "../sessions/sessions-page";
export { ReplayPage } from "./replay-page";
export { LiveSessionPage } from "./session-page";
export { SharedPage } from "./shared-page";
