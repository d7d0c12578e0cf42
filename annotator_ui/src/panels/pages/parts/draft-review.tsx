/** A draft that waits for a curator: what it would change, and then out with it or not. */

import type { Release } from "../../../api/types";
import { discardDraft, publishDraft } from "../../../session/releases";
import { Notice } from "../../feedback";
import { navigate } from "../../router";
import { FormProblem, useSending } from "./form";
import { ReleaseChanges } from "./release-diff";

export function DraftReview({ release, changed }: { release: Release; changed: () => void }) {
  const publishing = useSending();
  const discarding = useSending();
  const busy = publishing.busy || discarding.busy;
  return (
    <>
      <Notice tone="info" title="A draft: nobody but curators sees it" text="Below is what it changes. It is sealed just so when you publish it, and never changes after that.">
        <FormProblem problem={publishing.problem ?? discarding.problem} />
        <div class="row">
          <button type="button" class="button primary" disabled={busy} onClick={() => void publishing.run(() => publishDraft(release.slug, release.id)).then((went) => went && changed())}>
            {publishing.busy ? "Publishing…" : "Publish it"}
          </button>
          <button
            type="button"
            class="button quiet"
            disabled={busy}
            onClick={() => void discarding.run(() => discardDraft(release.slug, release.id)).then((went) => went && navigate(`/campaigns/${release.campaign}`))}
          >
            {discarding.busy ? "Discarding…" : "Discard it"}
          </button>
        </div>
      </Notice>
      {release.parent ? <ReleaseChanges release={release} /> : <p class="dim">It is the first release: all of it is new.</p>}
    </>
  );
}
