/** A draft that waits for a curator: what it would change, and then out with it or not. */

import { useState } from "preact/hooks";
import type { Release, ReleaseDiff } from "../../../api/types";
import { discardDraft, publishDraft } from "../../../session/releases";
import { Notice } from "../../feedback";
import { navigate } from "../../router";
import { sentence } from "./figures";
import { FormProblem, useSending } from "./form";
import { cannotBeSealed, ReleaseChanges } from "./release-diff";
import { levelOf, LEVELS } from "./release-words";

/** What it will be called, and what that number says. */
function Becomes({ diff, parent }: { diff: ReleaseDiff; parent: string }) {
  const after = diff.summary?.after;
  const level = after ? levelOf(after.split("@").at(-1)!, parent) : null;
  if (!after || !level) return null;
  return (
    <p>
      It becomes <code>{after}</code>, {level}: {LEVELS[level]}.
    </p>
  );
}

export function DraftReview({ release, changed }: { release: Release; changed: () => void }) {
  const publishing = useSending();
  const discarding = useSending();
  const [diff, setDiff] = useState<ReleaseDiff | null>(null);
  const busy = publishing.busy || discarding.busy;
  const refused = diff !== null && cannotBeSealed(diff);
  const waiting = diff?.state === "waiting";
  const discard = () => void discarding.run(() => discardDraft(release.dataset, release.id)).then((went) => went && navigate(`/campaigns/${release.campaign}`));
  return (
    <>
      {refused ? (
        <Notice tone="bad" title="It cannot be published: it cannot be sealed as it is" text={sentence(diff.error)}>
          <p>
            A draft is frozen. Mend what is named here, discard this draft, and draft the release anew from <a href={`/campaigns/${release.campaign}?publish`}>its campaign</a>.
          </p>
          <FormProblem problem={discarding.problem} />
          <div class="row">
            <button type="button" class="button primary" disabled={busy} onClick={discard}>
              {discarding.busy ? "Discarding…" : "Discard it"}
            </button>
          </div>
        </Notice>
      ) : (
        <Notice tone="info" title="A draft: nobody but curators sees it" text="Below is what it changes. It is sealed just so when you publish it, and never changes after that.">
          {diff && release.parent && <Becomes diff={diff} parent={release.parent} />}
          <FormProblem problem={publishing.problem ?? discarding.problem} />
          <div class="row">
            <button type="button" class="button primary" disabled={busy || waiting} onClick={() => void publishing.run(() => publishDraft(release.dataset, release.id)).then((went) => went && changed())}>
              {publishing.busy ? "Publishing…" : "Publish it"}
            </button>
            <button type="button" class="button quiet" disabled={busy} onClick={discard}>
              {discarding.busy ? "Discarding…" : "Discard it"}
            </button>
            {waiting && <span class="dim small-text">It can be published once a worker has tried to seal it.</span>}
          </div>
        </Notice>
      )}
      {release.parent ? <ReleaseChanges release={release} said={setDiff} /> : <p class="dim">It is the first release: all of it is new.</p>}
    </>
  );
}
