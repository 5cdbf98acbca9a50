import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { Markdown } from "./markdown";

const render = (text: string) =>
  renderToStaticMarkup(<Markdown text={text} />).replace(/^<div class="markdown">|<\/div>$/g, "");

describe("Markdown", () => {
  it("renders what agents write", () => {
    expect(render("# Title\n\nSome **bold**, *slanted* and `code`.")).toBe(
      '<h3 class="markdown-title">Title</h3><p>Some <strong>bold</strong>, <em>slanted</em> and <code>code</code>.</p>',
    );
    expect(render("- one\n- two\n  - deep\n\nafter")).toBe(
      "<ul><li>one</li><li><p>two</p><ul><li>deep</li></ul></li></ul><p>after</p>",
    );
    expect(render("3. three\n4. four")).toBe('<ol start="3"><li>three</li><li>four</li></ol>');
    expect(render("> wise\n> words")).toBe("<blockquote><p>wise\nwords</p></blockquote>");
    expect(render("| a | b |\n|---|---|\n| 1 | `x` |")).toContain("<td>1</td><td><code>x</code></td>");
    expect(render("~~no~~ [site](https://example.org/a_(b))")).toContain('href="https://example.org/a_(b)"');
  });

  it("leaves snake_case and 2 * 3 * 4 alone", () => {
    expect(render("call my_long_name and 2 * 3 * 4")).toBe("<p>call my_long_name and 2 * 3 * 4</p>");
  });

  it("keeps code as it is", () => {
    expect(render("```\n**not bold** <b>\n```")).toContain("**not bold** &lt;b&gt;");
    expect(render("``a ` b``")).toBe("<p><code>a ` b</code></p>");
  });

  it.each([
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
  ])("shows HTML as text: %s", (html) => {
    expect(render(html)).not.toMatch(/<(script|img|a|svg|iframe)/);
  });

  it.each([
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:x)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example)",
    "[x](java\tscript:alert(1))",
  ])("makes no link of %s", (link) => {
    expect(render(link)).not.toContain("<a ");
  });

  it("cannot break out of an attribute", () => {
    const html = render('[x](https://a.example/"onmouseover="alert(1))');
    expect(html).not.toMatch(/["\s]onmouseover=/);
  });

  it("survives hostile nesting and length in reasonable time", () => {
    const started = performance.now();
    render(`${"> ".repeat(5000)}x`);
    render("*".repeat(20_000));
    render("[".repeat(20_000));
    render("`".repeat(20_000));
    render("- a\n".repeat(5_000));
    render(`${"**a ".repeat(3_000)}`);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
