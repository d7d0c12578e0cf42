/** What is being annotated, whether the work is safe, how long it is ours, and handing it in. */

import type { AssignmentSession } from "../../session/assignment";
import type { Durability } from "../../session/durability";
import type { Workbench } from "../../session/workbench";
import { Icon } from "./icons";

interface Mark {
  look: string;
  text: string;
  title: string;
}

function edits(count: number): string {
  return count === 1 ? "1 change" : `${count} changes`;
}

function markOf(state: Durability): Mark {
  switch (state.kind) {
    case "saved":
      return { look: "good", text: "Saved", title: "The hub has every change." };
    case "sending":
      return { look: "", text: "Sending…", title: `${edits(state.waiting)} kept on this device and on the way to the hub.` };
    case "keeping":
      return { look: "warn", text: "Offline – keeping…", title: `${edits(state.waiting)} wait for the hub; the last is being written down.` };
    case "offline":
      return { look: "warn", text: "Offline – kept on this device", title: `${edits(state.waiting)} will be sent when the hub answers.` };
    case "signed-out":
      return { look: "warn", text: "Signed out – kept on this device", title: `${edits(state.waiting)} will be sent after you sign in.` };
    case "lease-lost":
      return { look: "warn", text: "Lease ended – kept on this device", title: state.problem.message };
    case "refused":
      return { look: "bad", text: "Not accepted – kept on this device", title: `${state.problem.message} ${state.problem.remedy}` };
    case "not-kept":
      return { look: "bad", text: "Not kept on this device", title: `${state.problem.detail} ${state.problem.remedy}` };
  }
}

function DurableMark({ session }: { session: AssignmentSession }) {
  const state = session.line.durability.value;
  const mark = markOf(state);
  return (
    <span class={`badge durable ${mark.look}`} title={mark.title} role="status">
      <i aria-hidden="true" />
      {mark.text}
      {(state.kind === "offline" || state.kind === "refused") && (
        <button type="button" class="link" onClick={() => session.line.retry()}>
          try now
        </button>
      )}
    </span>
  );
}

function LeaseClock({ session }: { session: AssignmentSession }) {
  const seconds = session.lease.secondsLeft.value;
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return (
    <span
      class={seconds < 120 ? "lease warn" : "lease"}
      title="This image is reserved for you. The time is renewed while you work; after a long pause somebody else may get it."
    >
      <Icon name="clock" size={16} />
      <span class="sr">Time left: </span>
      {clock}
    </span>
  );
}

export function TopBar({ workbench, session, submit, giveBack, showKeys }: {
  workbench: Workbench;
  session: AssignmentSession;
  submit: () => void;
  giveBack: () => void;
  showKeys: () => void;
}) {
  const handing = workbench.handing.value.kind;
  const busy = workbench.busy.value;
  const { image } = session.assignment;
  return (
    <header class="bench-bar">
      <a class="icon-button" href="/" aria-label="Leave the workbench (the image stays yours for now)" title="Home">
        <Icon name="back" />
      </a>
      <div class="bench-title">
        <b>{session.campaign.title}</b>
        <span class="dim" title={`${image.name} · ${image.width} × ${image.height} · ${image.dtype}`}>
          {image.name}
        </span>
      </div>
      <DurableMark session={session} />
      <span class="bench-space" />
      {workbench.done.value > 0 && <span class="badge info">{workbench.done.value} done this sitting</span>}
      <LeaseClock session={session} />
      <button type="button" class="icon-button all-keys" onClick={showKeys} aria-label="All keys" aria-keyshortcuts="?" title="All keys (?)">
        <Icon name="keys" />
      </button>
      <button type="button" class="button quiet" disabled={busy} onClick={giveBack} title="Give this image to somebody else">
        {handing === "returning" ? "Giving back…" : "Give back"}
      </button>
      <button type="button" class="button primary" disabled={busy} onClick={submit} aria-keyshortcuts="Control+Enter" title="Ctrl + Enter">
        {handing === "submitting" ? "Submitting…" : "Submit"}
        {handing !== "submitting" && <kbd>Ctrl ↵</kbd>}
      </button>
    </header>
  );
}
