/** Markdown of cards and guidelines as elements, never as HTML. Headings step down by one: the page has its own title. */

import type { ComponentChildren } from "preact";
import { parseMarkdown, type Block, type Inline } from "./markdown-blocks";
import { CodeBlock } from "./copy";

function words(inlines: readonly Inline[]): ComponentChildren {
  return inlines.map((part, i) => {
    switch (part.kind) {
      case "text":
        return part.text;
      case "strong":
        return <strong key={i}>{words(part.inlines)}</strong>;
      case "emphasis":
        return <em key={i}>{words(part.inlines)}</em>;
      case "code":
        return <code key={i}>{part.text}</code>;
      case "link":
        return (
          <a key={i} href={part.href} {...(/^https?:/i.test(part.href) ? { rel: "noreferrer noopener", target: "_blank" } : {})}>
            {words(part.inlines)}
          </a>
        );
    }
  });
}

function element(block: Block, key: number): ComponentChildren {
  switch (block.kind) {
    case "heading": {
      const Heading = (["h2", "h3", "h4", "h5"] as const)[block.level - 1]!;
      return <Heading key={key}>{words(block.inlines)}</Heading>;
    }
    case "paragraph":
      return <p key={key}>{words(block.inlines)}</p>;
    case "list": {
      const List = block.ordered ? "ol" : "ul";
      return (
        <List key={key}>
          {block.items.map((item, i) => (
            <li key={i}>{words(item)}</li>
          ))}
        </List>
      );
    }
    case "quote":
      return <blockquote key={key}>{block.blocks.map(element)}</blockquote>;
    case "code":
      return <CodeBlock key={key} text={block.text} language={block.language} />;
    case "table":
      return (
        <div class="table-scroll" key={key}>
          <table>
            <thead>
              <tr>
                {block.head.map((cell, i) => (
                  <th key={i} style={{ textAlign: block.align[i] }}>
                    {words(cell)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {block.rows.map((row, r) => (
                <tr key={r}>
                  {row.map((cell, i) => (
                    <td key={i} style={{ textAlign: block.align[i] }}>
                      {words(cell)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    case "rule":
      return <hr key={key} />;
  }
}

/** `untitled`: leave out a first heading of level 1, where the page shows the title already. */
export function Markdown({ text, untitled = false }: { text: string; untitled?: boolean }) {
  const blocks = parseMarkdown(text);
  const first = blocks[0];
  const shown = untitled && first?.kind === "heading" && first.level === 1 ? blocks.slice(1) : blocks;
  return <div class="markdown">{shown.map(element)}</div>;
}
