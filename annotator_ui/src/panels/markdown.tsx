/** The part of Markdown that guidelines and cards need: headings, lists, paragraphs, emphasis, code, links. Makes elements, never HTML. */

import type { ComponentChildren } from "preact";

const INLINE = /\*\*(.+?)\*\*|\*(.+?)\*|`(.+?)`|\[(.+?)\]\((https?:\/\/[^\s)]+)\)/g;

function inline(text: string): ComponentChildren[] {
  const parts: ComponentChildren[] = [];
  let last = 0;
  for (const found of text.matchAll(INLINE)) {
    parts.push(text.slice(last, found.index));
    const [whole, strong, emphasis, code, label, href] = found;
    if (strong !== undefined) parts.push(<strong>{strong}</strong>);
    else if (emphasis !== undefined) parts.push(<em>{emphasis}</em>);
    else if (code !== undefined) parts.push(<code>{code}</code>);
    else
      parts.push(
        <a href={href ?? "#"} rel="noreferrer" target="_blank">
          {label}
        </a>,
      );
    last = found.index + whole.length;
  }
  parts.push(text.slice(last));
  return parts;
}

function block(lines: string[]): ComponentChildren {
  const first = lines[0]!;
  const heading = /^(#{1,4})\s+(.*)$/.exec(first);
  if (heading) return [<h3>{inline(heading[2]!)}</h3>, lines.length > 1 ? block(lines.slice(1)) : null];
  const isItem = (line: string) => /^\s*([-*]|\d+\.)\s+/.test(line);
  const item = lines.findIndex(isItem);
  if (item === 0) {
    const items: string[] = [];
    for (const line of lines) {
      if (isItem(line)) items.push(line.replace(/^\s*([-*]|\d+\.)\s+/, ""));
      else items[items.length - 1] += ` ${line.trim()}`;
    }
    const List = /^\s*\d/.test(first) ? "ol" : "ul";
    return (
      <List>
        {items.map((text, i) => (
          <li key={i}>{inline(text)}</li>
        ))}
      </List>
    );
  }
  if (item > 0) return [<p>{inline(lines.slice(0, item).join(" "))}</p>, block(lines.slice(item))];
  return <p>{inline(lines.join(" "))}</p>;
}

export function Markdown({ text }: { text: string }) {
  const blocks = text
    .replace(/\r/g, "")
    .split(/\n\s*\n/)
    .map((part) => part.split("\n").filter((line) => line.trim() !== ""))
    .filter((lines) => lines.length > 0);
  return (
    <div class="markdown">
      {blocks.map((lines, i) => (
        <div key={i}>{block(lines)}</div>
      ))}
    </div>
  );
}
