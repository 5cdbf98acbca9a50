import { CircleCheck, CircleDashed, CircleX, SquareTerminal } from "lucide-react";
import type { Session } from "../api/types";
import "./status.css";

type Facts = Pick<Session, "status" | "exit_code" | "stopping">;

// The exit code of what a signal ended is 128 and its number.
const looksOf = ({ status, exit_code, stopping }: Facts) => {
  if (status === "created") return { icon: CircleDashed, tone: "idle", word: "Starting" };
  if (status === "running" && stopping) return { icon: SquareTerminal, tone: "waiting", word: "Stopping" };
  if (status === "running") return { icon: SquareTerminal, tone: "running", word: "Live" };
  if (exit_code === 0 || exit_code === null) return { icon: CircleCheck, tone: "idle", word: "Ended" };
  return { icon: CircleX, tone: "bad", word: `Exit ${exit_code}` };
};

export function SessionBadge({ session }: { session: Facts }) {
  const { icon: Icon, tone, word } = looksOf(session);
  return (
    <span className={`badge tone-${tone}`} data-session-status={session.status}>
      <span className={`status-icon tone-${tone}`}>
        <Icon aria-hidden />
      </span>
      {word}
    </span>
  );
}
