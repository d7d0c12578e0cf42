/** What an edit has brought about, in words for the person. */

import type { Lineage } from "./lineage";
import type { Scope } from "./operations";

export const SCOPE_WORDS: Readonly<Record<Scope, string>> = { past: "up to this frame", this: "in this frame only", future: "from this frame on" };

/** `lineage`: after the edit. `tool`, `params`: as the edit is kept. */
export function outcome(lineage: Lineage, tool: string, params: Readonly<Record<string, string>>): string {
  const number = (key: string | undefined) => (key && lineage.trackOf(key)?.number) ?? 0;
  switch (tool) {
    case "link":
      return `Linked: this is track ${number(params["child"])} now.`;
    case "divide":
      return `Track ${number(params["mother"])} divides into ${number(params["first"])} and ${number(params["second"])}.`;
    case "swap":
      return `Swapped ${SCOPE_WORDS[params["scope"] as Scope]}.`;
    case "assign":
      return `The cell is in track ${number(params["cell"])} now.`;
    case "unlink":
      return `Track ${number(params["cell"])} begins here.`;
    case "disappear":
      return `Track ${number(params["cell"])} ends here.`;
    default:
      return "The cell is on its own now.";
  }
}
