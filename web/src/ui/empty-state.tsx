import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { CopyButton } from "./copy-button";

// A list without anything in it says what to do.
export function EmptyState({
  icon: Icon,
  title,
  children,
}: {
  icon: LucideIcon;
  title: string;
  children: ReactNode;
}) {
  return (
    <div className="empty card">
      <Icon aria-hidden className="empty-icon" />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

// The same from the command line.
export function OrCommand({ command }: { command: string }) {
  return (
    <>
      <div className="empty-or muted small">or from the command line</div>
      <div className="empty-command">
        <code>{command}</code>
        <CopyButton text={command} label="Copy the command" />
      </div>
    </>
  );
}
