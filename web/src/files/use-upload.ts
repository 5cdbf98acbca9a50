import { useState } from "react";
import { api } from "../api/client";
import { ApiError, toApiError } from "../api/problem";
import { formatBytes } from "../base/format";
import { join } from "./paths";

const largest = 16 * 1024 * 1024; // as the API takes them

export interface Upload {
  busy: string; // the name of the file that is on its way
  problem: ApiError | null;
  // What would be replaced; nothing is sent before somebody says so.
  question: { folder: string; files: File[]; taken: string[] } | null;
  begin: (folder: string, files: File[]) => Promise<void>;
  confirm: () => Promise<void>;
  dismiss: () => void;
}

const refusal = (title: string, detail: string) => new ApiError(0, title, detail, "invalid", "");

// Files into a folder of the workspace, one after the other. `onDone` after each that arrived.
export function useUpload(run: string, onDone: () => void): Upload {
  const [busy, setBusy] = useState("");
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [question, setQuestion] = useState<Upload["question"]>(null);

  const send = async (folder: string, files: File[]) => {
    try {
      for (const file of files) {
        setBusy(file.name);
        await api.putFile(run, join(folder, file.name), file);
        onDone();
      }
    } catch (cause) {
      setProblem(toApiError(cause));
    }
    setBusy("");
  };

  return {
    busy,
    problem,
    question,
    begin: async (folder, files) => {
      setProblem(null);
      const large = files.find((file) => file.size > largest);
      if (large) {
        setProblem(
          refusal(
            `${large.name} is too large`,
            `It has ${formatBytes(large.size)}; ${formatBytes(largest)} is the most.`,
          ),
        );
        return;
      }
      try {
        const { items } = await api.files(run, folder);
        const names = new Set(items.map((item) => item.name));
        const taken = files.map((file) => file.name).filter((name) => names.has(name));
        if (taken.length > 0) setQuestion({ folder, files, taken });
        else await send(folder, files);
      } catch (cause) {
        setProblem(toApiError(cause));
      }
    },
    confirm: async () => {
      if (!question) return;
      setQuestion(null);
      await send(question.folder, question.files);
    },
    dismiss: () => setQuestion(null),
  };
}
