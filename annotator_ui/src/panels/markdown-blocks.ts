/** Markdown as a tree of plain data: what cards and guidelines use of CommonMark and GitHub tables. HTML stays text. */

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "strong" | "emphasis"; inlines: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "link"; href: string; inlines: Inline[] };

export type Align = "left" | "right" | "center";

export type Block =
  | { kind: "heading"; level: 1 | 2 | 3 | 4; inlines: Inline[] }
  | { kind: "paragraph"; inlines: Inline[] }
  | { kind: "list"; ordered: boolean; items: Inline[][] }
  | { kind: "quote"; blocks: Block[] }
  | { kind: "code"; language: string; text: string }
  | { kind: "table"; align: Align[]; head: Inline[][]; rows: Inline[][][] }
  | { kind: "rule" };

/** What follows a YAML front matter, which is for machines. */
export function withoutFrontMatter(text: string): string {
  const found = /^---\r?\n[\s\S]*?\r?\n---[ \t]*(?:\r?\n|$)/.exec(text);
  return found ? text.slice(found[0].length) : text;
}

/** The address if a link may go there, else null: http(s), mailto, and places on this hub. Never `javascript:` and its kin. */
export function safeHref(href: string): string | null {
  // Browsers skip control characters and blanks inside a scheme: so do we, before we look at it.
  const bare = href.replace(/[\u0000-\u0020\u007f-\u009f]/g, "");
  if (/^(https?:|mailto:)/i.test(bare)) return bare;
  if (/^\/(?![/\\])/.test(bare) || bare.startsWith("#")) return bare;
  return null;
}

const INLINE = /\\([\\`*_{}[\]()#+\-.!|<>])|(`+)([\s\S]+?)\2(?!`)|\*\*(?=\S)([\s\S]+?)\*\*|\*(?=\S)([^*]+?)\*|(?<![\w])_(?=\S)([^_]+?)_(?![\w])|!?\[([^\]]*)\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)|<(https?:[^\s<>]+)>/g;

export function parseInline(text: string): Inline[] {
  const parts: Inline[] = [];
  const add = (words: string) => {
    const last = parts.at(-1);
    if (words === "") return;
    if (last?.kind === "text") last.text += words;
    else parts.push({ kind: "text", text: words });
  };
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    add(text.slice(at, found.index));
    at = found.index + found[0].length;
    const [whole, escaped, , code, strong, star, under, label, href, bare] = found;
    if (escaped !== undefined) add(escaped);
    else if (code !== undefined) parts.push({ kind: "code", text: code.replace(/^ (.*\S.*) $/, "$1") });
    else if (strong !== undefined) parts.push({ kind: "strong", inlines: parseInline(strong) });
    else if (star !== undefined || under !== undefined) parts.push({ kind: "emphasis", inlines: parseInline((star ?? under)!) });
    else {
      const target = safeHref((href ?? bare)!);
      // A picture would make the reader's browser call a stranger's server: its words stand for it.
      if (target === null || whole.startsWith("!")) add(label ?? whole);
      else parts.push({ kind: "link", href: target, inlines: label === undefined ? [{ kind: "text", text: bare! }] : parseInline(label) });
    }
  }
  add(text.slice(at));
  return parts;
}

const ITEM = /^\s{0,8}(?:[-*+]|(\d{1,9})[.)])\s+/;
const RULE = /^\s{0,3}([-*_])(?:\s*\1){2,}\s*$/;

function cells(line: string): string[] {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function isTableRule(line: string | undefined): boolean {
  return line !== undefined && line.includes("-") && line.includes("|") && cells(line).every((cell) => /^:?-+:?$/.test(cell));
}

function alignOf(cell: string): Align {
  if (cell.endsWith(":")) return cell.startsWith(":") ? "center" : "right";
  return "left";
}

function startsBlock(line: string): boolean {
  return /^\s{0,3}(#{1,6}\s|```|~~~|>)/.test(line) || ITEM.test(line) || RULE.test(line);
}

export function parseMarkdown(text: string): Block[] {
  const lines = withoutFrontMatter(text).replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n");
  const blocks: Block[] = [];
  let at = 0;
  /** Lines from `at` on while `fits`; moves on. */
  const take = (fits: (line: string, i: number) => boolean): string[] => {
    const from = at;
    while (at < lines.length && fits(lines[at]!, at - from)) at++;
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at]!;
    const fence = /^\s{0,3}(```+|~~~+)\s*([\w+-]*)/.exec(line);
    const heading = /^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$/.exec(line);
    if (line.trim() === "") at++;
    else if (fence) {
      at++;
      const body = take((next) => !next.trimStart().startsWith(fence[1]!));
      at++;
      blocks.push({ kind: "code", language: fence[2]!, text: body.join("\n") });
    } else if (heading) {
      at++;
      blocks.push({ kind: "heading", level: Math.min(4, heading[1]!.length) as 1 | 2 | 3 | 4, inlines: parseInline(heading[2]!) });
    } else if (RULE.test(line)) {
      at++;
      blocks.push({ kind: "rule" });
    } else if (/^\s{0,3}>/.test(line)) {
      const inner = take((next) => /^\s{0,3}>/.test(next)).map((next) => next.replace(/^\s{0,3}> ?/, ""));
      blocks.push({ kind: "quote", blocks: parseMarkdown(inner.join("\n")) });
    } else if (ITEM.test(line)) {
      const ordered = ITEM.exec(line)![1] !== undefined;
      const items: string[] = [];
      for (const next of take((next, i) => i === 0 || (next.trim() !== "" && (ITEM.test(next) || !startsBlock(next))))) {
        if (ITEM.test(next)) items.push(next.replace(ITEM, ""));
        else items[items.length - 1] += ` ${next.trim()}`;
      }
      blocks.push({ kind: "list", ordered, items: items.map(parseInline) });
    } else if (line.includes("|") && isTableRule(lines[at + 1])) {
      const [head, rule, ...rows] = take((next) => next.includes("|")).map(cells);
      const width = head!.length;
      const fill = (row: string[]) => Array.from({ length: width }, (_, i) => parseInline(row[i] ?? ""));
      blocks.push({ kind: "table", align: fillAlign(rule!, width), head: fill(head!), rows: rows.map(fill) });
    } else {
      const words = take((next, i) => next.trim() !== "" && (i === 0 || (!startsBlock(next) && !isTableRule(lines[at + 1]))));
      blocks.push({ kind: "paragraph", inlines: parseInline(words.map((word) => word.trim()).join(" ")) });
    }
  }
  return blocks;
}

function fillAlign(rule: string[], width: number): Align[] {
  return Array.from({ length: width }, (_, i) => alignOf(rule[i] ?? "-"));
}
