/** A release of a dataset that is its lab's alone: said on its page, and opened to everybody there. */

import type { Release, ReleaseSummary } from "../../../api/types";
import { openRelease } from "../../../session/releases";
import { Modal } from "../../modal";
import { FormFoot, FormProblem, useSending } from "./form";

export function PrivateBadge({ release }: { release: Release | ReleaseSummary }) {
  if (release.public || release.state !== "published") return null;
  const lab = release.dataset.split("/")[0];
  return (
    <span class="badge info" title="Nobody else sees that it exists">
      only {lab}
    </span>
  );
}

/** Says that there is no way back. */
export function OpenForm({ release, close, done }: { release: Release; close: () => void; done: () => void }) {
  const sending = useSending();
  return (
    <Modal title={`Open ${release.reference} to anyone`} onClose={close}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void sending.run(() => openRelease(release.reference)).then((went) => went && done());
        }}
      >
        <p class="dim">
          Anybody can read and download it from now on, without signing in, under {release.licence}. Its version tells that there may be others before it, not what is in them; the dataset, its campaigns and models stay the
          lab's. This cannot be undone: it can only be withdrawn, and copies that people have stay with them.
        </p>
        <FormProblem problem={sending.problem} />
        <FormFoot sending={sending} verb="Open it for good" doing="Opening…" danger cancel={close} />
      </form>
    </Modal>
  );
}
