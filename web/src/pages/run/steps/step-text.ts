import type { Step } from "../../../api/types";

// What tells one step of a matrix from another: "os: linux, node: 22".
export function matrixText(step: Step): string {
  return Object.entries(step.matrix)
    .map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}

// The same where there is little room: "linux, 22".
export function matrixValues(step: Step): string {
  return Object.values(step.matrix)
    .map((value) => (typeof value === "string" ? value : JSON.stringify(value)))
    .join(", ");
}

const waits: Record<string, string> = {
  approval: "for a person's answer",
  quota: "for the provider",
};

// What a step waits for, or why it was skipped, for people.
export function reasonText(step: Step): string {
  if (!step.reason) return "";
  if (step.status === "skipped") return step.reason;
  if (/^run /.test(step.reason)) return "for its run to end";
  return waits[step.reason] ?? step.reason;
}

// Of a matrix: how many of its steps are in which state, the most telling first.
export function countsOf(instances: Step[]): [status: Step["status"], count: number][] {
  const order: Step["status"][] = [
    "failed",
    "waiting",
    "running",
    "completed",
    "pending",
    "skipped",
    "cancelled",
  ];
  return order
    .map(
      (status) =>
        [status, instances.filter((step) => step.status === status).length] as [Step["status"], number],
    )
    .filter(([, count]) => count > 0);
}
