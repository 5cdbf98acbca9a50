// Unified diffs as git prints them, into files, hunks and lines.

export type DiffLineKind = "context" | "add" | "delete" | "note";

export interface DiffLine {
  kind: DiffLineKind;
  text: string; // without the leading sign
  oldNumber: number | null;
  newNumber: number | null;
}

export interface DiffHunk {
  header: string; // what git puts after the second @@
  oldStart: number;
  newStart: number;
  lines: DiffLine[];
}

export type DiffFileStatus = "modified" | "added" | "deleted" | "renamed" | "mode";

export interface DiffFile {
  path: string; // after the change; of a deleted file, before it
  oldPath: string;
  status: DiffFileStatus;
  binary: boolean;
  insertions: number;
  deletions: number;
  hunks: DiffHunk[];
}

const escapes: Record<string, string> = { n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v" };

// git quotes paths with unusual characters in C style, bytes in octal.
export function unquotePath(path: string): string {
  if (!path.startsWith('"') || !path.endsWith('"')) return path;
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  const inner = path.slice(1, -1);
  for (let i = 0; i < inner.length; i += 1) {
    if (inner[i] !== "\\") {
      const point = inner.codePointAt(i) ?? 0;
      const char = String.fromCodePoint(point);
      bytes.push(...encoder.encode(char));
      i += char.length - 1;
      continue;
    }
    const octal = /^[0-7]{3}/.exec(inner.slice(i + 1));
    if (octal) {
      bytes.push(Number.parseInt(octal[0], 8));
      i += 3;
    } else {
      i += 1;
      const char = inner[i] ?? "";
      bytes.push(...encoder.encode(escapes[char] ?? char));
    }
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}

function stripPrefix(raw: string): string {
  const path = unquotePath(raw.replace(/\t.*$/, ""));
  return path === "/dev/null" ? "" : path.replace(/^[ab]\//, "");
}

// "a/x b/x" of a `diff --git` line, which matters only when neither ---/+++ nor rename lines follow.
function pathsOfHeader(rest: string): [string, string] {
  const quoted = /^("(?:[^"\\]|\\.)*"|\S+) ("(?:[^"\\]|\\.)*"|\S+)$/.exec(rest);
  if (quoted) return [stripPrefix(quoted[1] ?? ""), stripPrefix(quoted[2] ?? "")];
  const half = rest.slice(0, Math.floor(rest.length / 2));
  return [stripPrefix(half), stripPrefix(rest.slice(half.length + 1))];
}

const hunkHeader = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$/;

export function parseDiff(text: string): DiffFile[] {
  const files: DiffFile[] = [];
  let file: DiffFile | null = null;
  let hunk: DiffHunk | null = null;
  let oldNumber = 0;
  let newNumber = 0;
  // Lines that the hunk's header still promises: a deleted line "-- x" looks like a file header and is none.
  let oldLeft = 0;
  let newLeft = 0;

  for (const line of text.split("\n")) {
    if (file && hunk && (oldLeft > 0 || newLeft > 0)) {
      const sign = line[0] ?? " ";
      const body = line.slice(1);
      if (sign === "+") {
        hunk.lines.push({ kind: "add", text: body, oldNumber: null, newNumber });
        newNumber += 1;
        newLeft -= 1;
        file.insertions += 1;
        continue;
      }
      if (sign === "-") {
        hunk.lines.push({ kind: "delete", text: body, oldNumber, newNumber: null });
        oldNumber += 1;
        oldLeft -= 1;
        file.deletions += 1;
        continue;
      }
      if (sign === " ") {
        hunk.lines.push({ kind: "context", text: body, oldNumber, newNumber });
        oldNumber += 1;
        newNumber += 1;
        oldLeft -= 1;
        newLeft -= 1;
        continue;
      }
    }
    if (line.startsWith("\\ ") && hunk) {
      hunk.lines.push({ kind: "note", text: line.slice(2), oldNumber: null, newNumber: null });
      continue;
    }
    if (line.startsWith("diff --git ")) {
      const [oldPath, path] = pathsOfHeader(line.slice("diff --git ".length));
      file = { path, oldPath, status: "modified", binary: false, insertions: 0, deletions: 0, hunks: [] };
      files.push(file);
      hunk = null;
      continue;
    }
    if (!file) continue;
    const found = hunkHeader.exec(line);
    if (found) {
      oldNumber = Number(found[1]);
      newNumber = Number(found[3]);
      oldLeft = Number(found[2] ?? 1);
      newLeft = Number(found[4] ?? 1);
      hunk = { header: found[5] ?? "", oldStart: oldNumber, newStart: newNumber, lines: [] };
      file.hunks.push(hunk);
    } else if (line.startsWith("new file mode")) file.status = "added";
    else if (line.startsWith("deleted file mode")) file.status = "deleted";
    else if (line.startsWith("old mode")) file.status = "mode";
    else if (line.startsWith("rename from ")) {
      file.status = "renamed";
      file.oldPath = unquotePath(line.slice("rename from ".length));
    } else if (line.startsWith("rename to ")) file.path = unquotePath(line.slice("rename to ".length));
    else if (line.startsWith("--- ")) file.oldPath = stripPrefix(line.slice(4)) || file.oldPath;
    else if (line.startsWith("+++ ")) file.path = stripPrefix(line.slice(4)) || file.oldPath;
    else if (line.startsWith("Binary files ") || line === "GIT binary patch") file.binary = true;
    if (file.status === "mode" && file.hunks.length > 0) file.status = "modified";
  }
  return files;
}
