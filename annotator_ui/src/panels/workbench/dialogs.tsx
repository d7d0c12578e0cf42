/** Decisions the workbench asks for. */

import { useSignal } from "@preact/signals";
import type { AssignmentSession } from "../../session/assignment";
import type { Workbench } from "../../session/workbench";
import { ProblemNotice } from "../feedback";
import { Modal } from "../modal";

/** The lease ran out: ask for it again, or take another image. The strokes stay either way. */
export function LeaseLostDialog({ session, next }: { session: AssignmentSession; next: () => void }) {
  const busy = useSignal(false);
  const taken = useSignal(false);
  async function renew(): Promise<void> {
    busy.value = true;
    taken.value = !(await session.renewLease());
    busy.value = false;
  }
  return (
    <Modal title="The time for this image ran out" onClose={null}>
      {taken.value ? (
        <p>Somebody else has this place now. Your work up to here is kept; the next image is waiting.</p>
      ) : (
        <p>After a long pause an image may go to somebody else. Nothing you did is lost. If the place is still free you can go on.</p>
      )}
      <div class="row">
        <button type="button" class={taken.value ? "button" : "button primary"} disabled={busy.value} onClick={() => void renew()}>
          {busy.value ? "Asking…" : taken.value ? "Ask again" : "Go on with this image"}
        </button>
        <button type="button" class={taken.value ? "button primary" : "button"} onClick={next}>
          Take the next image
        </button>
      </div>
    </Modal>
  );
}

/** What a mode wants confirmed before a reading is handed in. */
export interface Confirmation {
  readonly title: string;
  readonly text: string;
  readonly yes: string;
  readonly no: string;
}

export function ConfirmDialog({ confirmation, confirm, cancel }: { confirmation: Confirmation; confirm: () => void; cancel: () => void }) {
  return (
    <Modal title={confirmation.title} onClose={cancel}>
      <p>{confirmation.text}</p>
      <div class="row">
        <button type="button" class="button primary" onClick={confirm}>
          {confirmation.yes}
        </button>
        <button type="button" class="button" onClick={cancel}>
          {confirmation.no}
        </button>
      </div>
    </Modal>
  );
}

export function GiveBackDialog({ confirm, cancel }: { confirm: () => void; cancel: () => void }) {
  return (
    <Modal title="Give this image back?" onClose={cancel}>
      <p>Somebody else will get it. What you did stays with the hub but is not counted as a reading.</p>
      <div class="row">
        <button type="button" class="button primary" onClick={confirm}>
          Give it back
        </button>
        <button type="button" class="button" onClick={cancel}>
          Keep it
        </button>
      </div>
    </Modal>
  );
}

/** Why the hub did not take the reading. */
export function RefusedDialog({ workbench, again }: { workbench: Workbench; again: () => void }) {
  const state = workbench.handing.value;
  if (state.kind !== "refused") return null;
  const close = () => (workbench.handing.value = { kind: "idle" });
  return (
    <Modal title="The hub did not take it" onClose={close}>
      <ProblemNotice problem={state.problem} />
      <p class="dim">Your work is kept on this device.</p>
      <div class="row">
        <button type="button" class="button primary" onClick={again}>
          Submit again
        </button>
        <button type="button" class="button" onClick={close}>
          Back to the image
        </button>
      </div>
    </Modal>
  );
}
