/** The workbench with an image on it: canvas, rails, panels and keys. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { asProblem, type Problem } from "../../api/problem";
import type { AssignmentSession } from "../../session/assignment";
import { sessionExpired } from "../../session/people";
import type { Workbench } from "../../session/workbench";
import { ProblemNotice, Spinner } from "../feedback";
import { navigate } from "../router";
import { Canvas } from "./canvas";
import { ChannelsPanel } from "./channels-panel";
import { EmptyReadingDialog, GiveBackDialog, LeaseLostDialog, RefusedDialog } from "./dialogs";
import { Display } from "./display";
import { keyFor, KeySheet, type Bench as BenchActions } from "./keys";
import { GuidelinesPanel, LabelsPanel } from "./labels-panel";
import { StatusBar } from "./status-bar";
import { ToolRail } from "./tool-rail";
import { TopBar } from "./top-bar";

type Asking = "nothing" | "keys" | "empty" | "give-back";

/** Keys go to the workbench unless somebody types, or a dialog is open. */
function useKeys(bench: BenchActions, panning: { value: boolean }, blocked: () => boolean): void {
  useEffect(() => {
    const down = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (blocked() || document.querySelector("dialog[open]") || target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName)) return;
      const typing = target instanceof HTMLInputElement && !/^(range|checkbox|color)$/.test(target.type);
      const slider = target instanceof HTMLInputElement && target.type === "range";
      if (typing || (slider && /^(arrow|page|home|end)/i.test(event.key))) return;
      if (event.key === " ") {
        if (target instanceof HTMLButtonElement || target instanceof HTMLInputElement) return;
        event.preventDefault();
        panning.value = true;
        return;
      }
      const key = keyFor(event);
      if (!key) return;
      event.preventDefault();
      bench.session.activity.note();
      key.run(bench);
    };
    const up = (event: KeyboardEvent) => {
      if (event.key === " ") panning.value = false;
    };
    const blur = () => (panning.value = false);
    window.addEventListener("keydown", down);
    window.addEventListener("keyup", up);
    window.addEventListener("blur", blur);
    return () => {
      window.removeEventListener("keydown", down);
      window.removeEventListener("keyup", up);
      window.removeEventListener("blur", blur);
    };
  }, [bench]);
}

/** Send at once when the network is back; ask before leaving while the device is the only place that has the work. */
function useLeaving(session: AssignmentSession): void {
  useEffect(() => {
    const online = () => session.line.retry();
    const leaving = (event: BeforeUnloadEvent) => {
      session.editor.commit();
      const kind = session.line.durability.value.kind;
      if (kind === "keeping" || kind === "not-kept" || kind === "refused") event.preventDefault();
    };
    // A phone or a closing tab may never come back: what is drawn so far is a stroke.
    const hiding = () => session.editor.commit();
    window.addEventListener("pagehide", hiding);
    window.addEventListener("online", online);
    window.addEventListener("beforeunload", leaving);
    return () => {
      window.removeEventListener("pagehide", hiding);
      window.removeEventListener("online", online);
      window.removeEventListener("beforeunload", leaving);
    };
  }, [session]);
}

export function Bench({ workbench, session }: { workbench: Workbench; session: AssignmentSession }) {
  const { height, width } = session.assignment.image;
  const display = useMemo(() => new Display({ height, width }), [session]);
  const asking = useSignal<Asking>("nothing");
  const panning = useSignal(false);
  const unreadable = useSignal<Problem | null>(null);

  const submit = (confirmed = false) => {
    if (!confirmed && session.cellCount.value === 0) asking.value = "empty";
    else {
      asking.value = "nothing";
      void workbench.submit();
    }
  };
  const giveBack = async () => {
    asking.value = "nothing";
    if (await workbench.giveBack()) navigate("/");
  };
  const actions = useMemo<BenchActions>(
    () => ({ session, display, submit: () => submit(), toggleSheet: () => (asking.value = "keys") }),
    [session],
  );
  useKeys(actions, panning, () => workbench.busy.peek());
  useLeaving(session);

  const load = () => {
    unreadable.value = null;
    const ratio = window.devicePixelRatio || 1;
    const { height: rows, width: columns } = display.screen.value;
    session.picture.load(rows * ratio, columns * ratio).catch((error: unknown) => (unreadable.value = asProblem(error)));
  };
  useEffect(load, [session]);

  const close = () => (asking.value = "nothing");
  return (
    <div class="bench">
      <TopBar workbench={workbench} session={session} submit={() => submit()} giveBack={() => (asking.value = "give-back")} />
      <ToolRail session={session} display={display} showKeys={() => (asking.value = "keys")} />
      <main class="stage" aria-label="Workbench" inert={workbench.busy.value}>
        <Canvas session={session} display={display} panning={panning} />
        {workbench.busy.value && (
          <div class="stage-note veil">
            <Spinner label={session.line.durability.value.kind === "offline" ? "Waiting for the hub" : "Handing it in"} />
          </div>
        )}
        {!session.picture.level.value && !unreadable.value && (
          <div class="stage-note">
            <Spinner label="Loading the image" />
          </div>
        )}
        {unreadable.value && (
          <div class="stage-note">
            <ProblemNotice problem={unreadable.value} retry={load} />
          </div>
        )}
      </main>
      <aside class="side" aria-label="Image and labels">
        <ChannelsPanel picture={session.picture} />
        <LabelsPanel session={session} display={display} />
        <GuidelinesPanel text={session.assignment.guidelines || session.campaign.guidelines} />
      </aside>
      <StatusBar session={session} display={display} />
      {asking.value === "keys" && <KeySheet close={close} />}
      {asking.value === "empty" && <EmptyReadingDialog confirm={() => submit(true)} cancel={close} />}
      {asking.value === "give-back" && <GiveBackDialog confirm={() => void giveBack()} cancel={close} />}
      {session.lease.lost.value && !sessionExpired.value && <LeaseLostDialog session={session} next={() => void workbench.next()} />}
      {!session.lease.lost.value && !sessionExpired.value && <RefusedDialog workbench={workbench} again={() => void workbench.submit()} />}
    </div>
  );
}
