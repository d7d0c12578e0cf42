/** What the campaign asks of its readers. */

import type { AssignmentSession } from "../../session/assignment";
import { Markdown } from "../markdown";

/** `otherwise`: what to do where the campaign says nothing. */
export function GuidelinesPanel({ session, otherwise }: { session: AssignmentSession; otherwise: string }) {
  const text = session.assignment.guidelines || session.campaign.guidelines || "";
  return (
    <details class="panel guidelines" open>
      <summary>
        <h3>Guidelines</h3>
      </summary>
      {text.trim() ? <Markdown text={text} /> : <p class="dim">The campaign gives none. {otherwise}</p>}
    </details>
  );
}
