// Paths in a workspace: relative, with slashes; empty is the workspace itself.

export const join = (folder: string, name: string) => (folder === "" ? name : `${folder}/${name}`);

export const folderOf = (path: string) => path.slice(0, Math.max(path.lastIndexOf("/"), 0));

export const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);

// The folders that a path is in, outermost first, without the workspace itself.
export function foldersAbove(path: string): string[] {
  const names = path.split("/").slice(0, -1);
  return names.map((_, at) => names.slice(0, at + 1).join("/"));
}
