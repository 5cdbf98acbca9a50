import { describe, expect, it } from "vitest";
import { parseDiff, unquotePath } from "./diff";

const sample = `diff --git a/src/tally.py b/src/tally.py
index 83db48f..bf2a1c3 100644
--- a/src/tally.py
+++ b/src/tally.py
@@ -1,4 +1,5 @@ def total(items):
 def total(items):
-    return 0
+    count = sum(items)
+    return count
 
 # end
diff --git a/new file.txt b/new file.txt
new file mode 100644
index 0000000..ce01362
--- /dev/null
+++ b/new file.txt
@@ -0,0 +1 @@
+hello
\\ No newline at end of file
diff --git a/gone.txt b/gone.txt
deleted file mode 100644
--- a/gone.txt
+++ /dev/null
@@ -1,2 +0,0 @@
--- looks like a header
-+++ and so does this
diff --git a/a.bin b/a.bin
index 1..2 100644
Binary files a/a.bin and b/a.bin differ
diff --git a/old name.c b/new name.c
similarity index 100%
rename from old name.c
rename to new name.c
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
`;

describe("parseDiff", () => {
  const files = parseDiff(sample);

  it("finds every file and what happened to it", () => {
    expect(files.map((f) => [f.path, f.status, f.insertions, f.deletions, f.binary])).toEqual([
      ["src/tally.py", "modified", 2, 1, false],
      ["new file.txt", "added", 1, 0, false],
      ["gone.txt", "deleted", 0, 2, false],
      ["a.bin", "modified", 0, 0, true],
      ["new name.c", "renamed", 0, 0, false],
      ["run.sh", "mode", 0, 0, false],
    ]);
    expect(files[4]?.oldPath).toBe("old name.c");
  });

  it("numbers the lines of both sides", () => {
    const lines = files[0]?.hunks[0]?.lines.map((l) => [l.kind, l.oldNumber, l.newNumber]);
    expect(lines).toEqual([
      ["context", 1, 1],
      ["delete", 2, null],
      ["add", null, 2],
      ["add", null, 3],
      ["context", 3, 4],
      ["context", 4, 5],
    ]);
  });

  it("takes content that looks like headers as content", () => {
    expect(files[2]?.hunks[0]?.lines.map((l) => l.text)).toEqual([
      "-- looks like a header",
      "+++ and so does this",
    ]);
  });

  it("keeps the note about a missing newline", () => {
    expect(files[1]?.hunks[0]?.lines.at(-1)).toMatchObject({
      kind: "note",
      text: "No newline at end of file",
    });
  });

  it("is empty for an empty diff and for text that is no diff", () => {
    expect(parseDiff("")).toEqual([]);
    expect(parseDiff("hello\n+world\n")).toEqual([]);
  });

  it("reads 100,000 lines in well under a second", () => {
    const body = "+a line of code that was added\n".repeat(100_000);
    const big = `diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1,100000 @@\n${body}`;
    const started = performance.now();
    expect(parseDiff(big)[0]?.insertions).toBe(100_000);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe("unquotePath", () => {
  it("decodes git's C-style quoting, UTF-8 in octal included", () => {
    expect(unquotePath('"a/caf\\303\\251 \\"x\\"\\t.txt"')).toBe('a/café "x"\t.txt');
    expect(unquotePath("plain.txt")).toBe("plain.txt");
  });
});
