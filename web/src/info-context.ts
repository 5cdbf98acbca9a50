import { createContext, useContext } from "react";
import type { Info } from "./api/types";
import type { Resource } from "./base/use-resource";

// What the server says of itself, asked for once.
export const InfoContext = createContext<Resource<Info> | null>(null);

export function useInfo(): Resource<Info> {
  const info = useContext(InfoContext);
  if (!info) throw new Error("useInfo outside of the app's shell");
  return info;
}
