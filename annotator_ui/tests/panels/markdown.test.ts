import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseInline, parseMarkdown, safeHref, withoutFrontMatter, type Block, type Inline } from "../../src/panels/markdown-blocks";

const plain = (inlines: readonly Inline[]): string => inlines.map((part) => ("text" in part ? part.text : plain(part.inlines))).join("");

function linksOf(blocks: readonly Block[]): string[] {
  const inlines = (parts: readonly Inline[]): string[] =>
    parts.flatMap((part) => ("inlines" in part ? [...(part.kind === "link" ? [part.href] : []), ...inlines(part.inlines)] : []));
  return blocks.flatMap((block) => {
    if (block.kind === "quote") return linksOf(block.blocks);
    if (block.kind === "list") return block.items.flatMap(inlines);
    if (block.kind === "table") return [...block.head, ...block.rows.flat()].flatMap(inlines);
    return "inlines" in block ? inlines(block.inlines) : [];
  });
}

describe("links", () => {
  it.each([
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    " \u0001javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "//evil.example/x",
    "/\\evil.example/x",
    "file:///etc/passwd",
  ])("does not go to %j", (href) => expect(safeHref(href)).toBeNull());

  it.each(["https://example.org/a?b=c#d", "http://example.org", "mailto:a@example.org", "/releases/demo/1", "#limits"])("goes to %s", (href) =>
    expect(safeHref(href)).toBe(href),
  );

  it("keeps the words of a link it refuses", () => {
    expect(parseInline("see [the paper](javascript:alert(1)) now")).toEqual([{ kind: "text", text: "see the paper now" }]);
  });

  it("never loads a picture from elsewhere", () => {
    expect(parseInline("![beacon](https://evil.example/x.png)")).toEqual([{ kind: "text", text: "beacon" }]);
  });

  it("holds for any text: no link has another scheme", () => {
    const shape = fc.tuple(fc.constantFrom("[a](", "<", "![a](", "> [b]("), fc.constantFrom("javascript:", "JAVASCRIPT:", "data:", "https:", "/", "//"), fc.string(), fc.constantFrom(")", ">", ""));
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), shape.map((parts) => parts.join("")))), (parts) => {
        for (const href of linksOf(parseMarkdown(parts.join("\n")))) expect(href).toMatch(/^(https?:|mailto:|\/(?![/\\])|#)/i);
      }),
    );
  });
});

describe("Markdown", () => {
  it("leaves HTML as the text it is", () => {
    const text = '<img src=x onerror="alert(1)"><script>alert(1)</script>';
    expect(parseMarkdown(text)).toEqual([{ kind: "paragraph", inlines: [{ kind: "text", text }] }]);
  });

  it("reads a card: front matter off, headings, tables, lists, code", () => {
    const card = [
      "---",
      "license: cc0-1.0",
      "---",
      "# Title",
      "",
      "Edition 1 of `demo`.",
      "",
      "| split | images |",
      "|---|---:|",
      "| train | 10 |",
      "| a \\| b | 3 |",
      "",
      "- one **bold**",
      "  goes on",
      "- two",
      "",
      "```python",
      "x = 1",
      "",
      "# not a heading",
      "```",
    ].join("\n");
    const [title, paragraph, table, list, code] = parseMarkdown(card);
    expect(title).toMatchObject({ kind: "heading", level: 1 });
    expect(paragraph).toMatchObject({ kind: "paragraph", inlines: [{ text: "Edition 1 of " }, { kind: "code", text: "demo" }, { text: "." }] });
    expect(table).toMatchObject({ kind: "table", align: ["left", "right"], rows: [[[{ text: "train" }], [{ text: "10" }]], [[{ text: "a | b" }], [{ text: "3" }]]] });
    expect(list?.kind === "list" && list.items.map(plain)).toEqual(["one bold goes on", "two"]);
    expect(code).toEqual({ kind: "code", language: "python", text: "x = 1\n\n# not a heading" });
  });

  it("does not take a rule for a front matter in the middle", () => {
    expect(withoutFrontMatter("a\n---\nb\n---\nc")).toBe("a\n---\nb\n---\nc");
    expect(parseMarkdown("a\n\n---\n\nb").map((block) => block.kind)).toEqual(["paragraph", "rule", "paragraph"]);
  });

  it("leaves snake_case and lone stars alone", () => {
    expect(parseInline("gray_fluo_256 is 2 * 3 * 4")).toEqual([{ kind: "text", text: "gray_fluo_256 is 2 * 3 * 4" }]);
  });

  it("ends on any text, and loses no word of plain paragraphs", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parseMarkdown(text)));
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1 }), (words) => {
        const [block] = parseMarkdown(words.join(" "));
        expect(block?.kind === "paragraph" && plain(block.inlines)).toBe(words.join(" "));
      }),
    );
  }, 30_000);

  it("ends on thousands of unfinished marks", () => {
    const long = "*a ".repeat(4000) + "[".repeat(4000) + "`".repeat(1000);
    expect(parseMarkdown(long).length).toBe(1);
  });
});
