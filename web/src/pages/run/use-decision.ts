import { useState } from "react";
import { api } from "../../api/client";
import { type ApiError, toApiError } from "../../api/problem";
import type { Approval } from "../../api/types";

export type Decision = "allow" | "deny";

// Answers what waits for a person. `decided` is what was chosen, until the server refuses it.
export function useDecision(approval: Approval, onDecided: () => void) {
  const [message, setMessage] = useState("");
  const [decided, setDecided] = useState<Decision | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const decide = async (decision: Decision, said = message, choice = "") => {
    setDecided(decision);
    setError(null);
    try {
      await api.decide(approval.id, decision, said, choice);
    } catch (cause) {
      setError(toApiError(cause));
      setDecided(null);
    }
    onDecided();
  };
  return { message, setMessage, decided, error, decide };
}
