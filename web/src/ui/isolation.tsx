import { ShieldAlert, ShieldCheck, ShieldOff } from "lucide-react";
import type { Isolation } from "../api/types";

const looks = {
  sandbox: {
    icon: ShieldCheck,
    className: "chip",
    word: "Sandbox",
    title: "Own namespaces, no network but the model's door, no secrets inside",
  },
  reduced: {
    icon: ShieldAlert,
    className: "chip chip-warning",
    word: "Reduced isolation",
    title: "This host forbids namespaces: the agent is held by Landlock, seccomp and limits only",
  },
  none: {
    icon: ShieldOff,
    className: "chip chip-bad",
    word: "No isolation",
    title: "The agent runs with the rights of the server",
  },
} as const;

export function IsolationMark({ isolation }: { isolation: Isolation }) {
  const { icon: Icon, className, word, title } = looks[isolation];
  return (
    <span className={className} title={title} data-isolation={isolation}>
      <Icon aria-hidden />
      {word}
      <span className="visually-hidden">: {title}</span>
    </span>
  );
}
