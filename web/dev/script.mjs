// The scripts that the mock plays: the same form as the project's scripted model takes, `SCRIPT:[…]` in the prompt.

const sample = [
  {
    thinking:
      "The test says total([]) should be 0 and total([1, 2]) should be 3. I should look at the code before I guess.",
    text: "I'll look at the failing test first, then at the code it exercises.",
    tool: "Bash",
    input: { command: "make test", description: "Run the tests" },
    output:
      'python3 -m unittest -q\n\u001b[31mFAIL\u001b[0m: test_total (tests.test_tally.TallyTest)\n----------------------------------------------------------------------\nTraceback (most recent call last):\n  File "/workspace/tests/test_tally.py", line 9, in test_total\n    self.assertEqual(total([1, 2]), 3)\nAssertionError: 2 != 3\n\n----------------------------------------------------------------------\nRan 4 tests in 0.001s\n\nFAILED (failures=1)\nmake: *** [Makefile:2: test] Error 1\n',
    error: true,
  },
  {
    tools: [
      {
        tool: "Read",
        input: { file_path: "/workspace/src/tally.py" },
        output: "     1\tdef total(items):\n     2\t    return len(items)\n",
      },
      {
        tool: "Grep",
        input: { pattern: "total\\(", path: "/workspace" },
        output: "src/tally.py:1\ntests/test_tally.py:9",
      },
    ],
  },
  {
    text: "`total` returns the *number* of items, not their sum:\n\n```python\ndef total(items):\n    return len(items)\n```\n\nThe fix:\n\n1. sum the items,\n2. keep `0` for an empty list,\n3. add a test for **negative** numbers, which nothing covers.",
    tool: "Edit",
    input: {
      file_path: "/workspace/src/tally.py",
      old_string: "def total(items):\n    return len(items)\n",
      new_string:
        'def total(items):\n    """The sum of all items; 0 when there are none."""\n    return sum(items)\n',
    },
    output: "The file /workspace/src/tally.py has been updated.",
  },
  {
    tool: "TodoWrite",
    input: {
      todos: [
        { content: "Find the cause", status: "completed" },
        { content: "Fix total()", status: "completed" },
        { content: "Add a test for negative numbers", status: "in_progress" },
        { content: "Run everything again", status: "pending" },
      ],
    },
    output: "Todos have been modified successfully.",
  },
  {
    tool: "Write",
    input: {
      file_path: "/workspace/tests/test_negative.py",
      content:
        'import unittest\n\nfrom src.tally import total\n\n\nclass NegativeTest(unittest.TestCase):\n    def test_negative_numbers_count(self):\n        self.assertEqual(total([3, -1]), 2)\n\n\nif __name__ == "__main__":\n    unittest.main()\n',
    },
    output: "File created successfully at: /workspace/tests/test_negative.py",
  },
  {
    tool: "Bash",
    input: { command: "make test", description: "Run the tests again" },
    output:
      "python3 -m unittest -q\n----------------------------------------------------------------------\nRan 5 tests in 0.001s\n\n\u001b[32mOK\u001b[0m\n",
  },
  {
    text: "Done. `total()` counted items instead of summing them.\n\n| test | before | after |\n|---|---|---|\n| `test_total` | fails | passes |\n| `test_negative_numbers_count` | – | passes |\n\nSee [the unittest documentation](https://docs.python.org/3/library/unittest.html) for running a single test.",
  },
];

export function scriptOf(prompt) {
  const found = /SCRIPT:(\[[\s\S]*\])/.exec(prompt);
  if (!found) return sample;
  try {
    return JSON.parse(found[1]);
  } catch {
    return [{ text: "The script in the prompt is no JSON." }];
  }
}

// The calls of one step, in the form the runner of scripts wants.
export function callsOf(step) {
  return step.tools ?? (step.tool ? [step] : []);
}

// The diff that a script's edits and writes would leave behind.
export function diffOf(script) {
  const parts = [];
  for (const { tool, input } of script.flatMap(callsOf)) {
    if (tool !== "Write" && tool !== "Edit") continue;
    const path = input.file_path.replace(/^\/workspace\//, "");
    const lines = (text) => (text ? text.replace(/\n$/, "").split("\n") : []);
    const before = lines(tool === "Edit" ? input.old_string : "");
    const after = lines(tool === "Edit" ? input.new_string : input.content);
    const same = before.filter((line, index) => after[index] === line).length;
    const [head, removed, added] = [before.slice(0, same), before.slice(same), after.slice(same)];
    parts.push(
      `diff --git a/${path} b/${path}`,
      ...(tool === "Write" ? ["new file mode 100644", "--- /dev/null"] : [`--- a/${path}`]),
      `+++ b/${path}`,
      `@@ -${before.length ? 1 : 0},${before.length} +1,${after.length} @@`,
      ...head.map((line) => ` ${line}`),
      ...removed.map((line) => `-${line}`),
      ...added.map((line) => `+${line}`),
    );
  }
  return parts.length > 0 ? `${parts.join("\n")}\n` : "";
}
