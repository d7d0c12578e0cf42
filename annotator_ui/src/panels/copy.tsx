/** Text to take along: a button that copies, and code with such a button. */

import { useEffect, useState } from "preact/hooks";

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(""), 1600);
    return () => clearTimeout(timer);
  }, [said]);
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      // Plain http on another machine has no clipboard: select the text by hand.
      setSaid("Select and copy by hand");
    }
  }
  return (
    <button type="button" class="button quiet small copy" onClick={() => void copy()} aria-live="polite">
      {said || label}
    </button>
  );
}

export function CodeBlock({ text, language }: { text: string; language?: string }) {
  return (
    <div class="code-block">
      <pre tabIndex={0} aria-label={language ? `${language} code` : "Code"}>
        <code>{text}</code>
      </pre>
      <CopyButton text={text} />
    </div>
  );
}

/** A digest: its first 12 digits to see, all of them to copy and to hover. */
export function Digest({ value, whole = false }: { value: string; whole?: boolean }) {
  if (!value) return <span class="dim">not yet</span>;
  return (
    <span class="digest">
      <code title={value}>{whole ? value : `${value.slice(0, 12)}…`}</code>
      <CopyButton text={value} />
    </span>
  );
}
