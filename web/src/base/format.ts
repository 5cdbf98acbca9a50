// Figures and times as people read them.

export function formatCost(usd: number): string {
  if (usd === 0) return "$0.00";
  if (usd < 0.01) return `$${usd.toFixed(4)}`;
  return `$${usd.toFixed(2)}`;
}

export function formatCount(count: number): string {
  if (count < 1000) return String(count);
  if (count < 999_950) return `${(count / 1000).toFixed(1).replace(/\.0$/, "")}k`;
  return `${(count / 1_000_000).toFixed(1).replace(/\.0$/, "")}M`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_500) return `${(bytes / 1000).toFixed(bytes < 9_950 ? 1 : 0)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${(Math.floor(seconds * 10) / 10).toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

export function formatAgo(time: string, now: number): string {
  const seconds = Math.max(0, (now - Date.parse(time)) / 1000);
  if (seconds < 45) return "just now";
  if (seconds < 3570) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.max(1, Math.round(seconds / 3600))} h ago`;
  const days = Math.round(seconds / 86_400);
  if (days < 30) return days === 1 ? "yesterday" : `${days} days ago`;
  return new Date(time).toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" });
}

export function formatIn(time: string, now: number): string {
  const seconds = (Date.parse(time) - now) / 1000;
  if (seconds < 45) return "now";
  if (seconds < 3570) return `in ${Math.max(1, Math.round(seconds / 60))} min`;
  if (seconds < 86_400) return `in ${Math.max(1, Math.round(seconds / 3600))} h`;
  const days = Math.round(seconds / 86_400);
  return days === 1 ? "tomorrow" : `in ${days} days`;
}

export function formatClock(time: string): string {
  return new Date(time).toLocaleTimeString(undefined, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}

// Until when something waits: the time, with the day unless it is today.
export function formatUntil(time: string, now: number): string {
  const at = new Date(time);
  const clock = at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  if (at.toDateString() === new Date(now).toDateString()) return clock;
  return `${at.toLocaleDateString(undefined, { month: "short", day: "numeric" })}, ${clock}`;
}

export function formatTime(time: string): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

export const shortHash = (hash: string) => hash.slice(0, 9);

// The last, random part of a UUIDv7: the first part is the same for all that is made within a minute.
export const shortId = (id: string) => id.slice(-8);

export function plural(count: number, noun: string): string {
  return `${count.toLocaleString()} ${noun}${count === 1 ? "" : "s"}`;
}

// An actor as a person says it: "user:ada" is ada.
export const shortActor = (actor: string) => actor.replace(/^user:/, "");

// The first line of a prompt, without Markdown's signs, for lists and titles.
export function titleOf(prompt: string): string {
  const line =
    prompt
      .slice(0, 4000)
      .split("\n")
      .find((text) => text.trim() !== "") ?? "";
  const text = line
    .replace(/^#+\s*/, "")
    .replaceAll(/[*`]/g, "")
    .trim();
  return text.length > 160 ? `${text.slice(0, 159)}…` : text || "(no prompt)";
}

// What a run is called: by its prompt, otherwise by its workflow and what that was given.
export function runTitle(run: { prompt: string; workflow: string; inputs: Record<string, unknown> }): string {
  if (run.prompt.trim() !== "") return titleOf(run.prompt);
  const given = Object.entries(run.inputs)
    .filter(([, value]) => ["string", "number", "boolean"].includes(typeof value) && value !== "")
    .slice(0, 3)
    .map(([name, value]) => `${name}: ${value}`);
  return titleOf([run.workflow, ...given].join(" · "));
}
