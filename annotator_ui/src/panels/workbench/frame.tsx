/** What every mode of the workbench stands in: top bar, keys, dialogs, and the places for picture and panels. */

import { useSignal, type Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { AssignmentSession } from "../../session/assignment";
import { sessionExpired } from "../../session/people";
import type { Workbench } from "../../session/workbench";
import { Spinner } from "../feedback";
import { navigate } from "../router";
import { ConfirmDialog, GiveBackDialog, LeaseLostDialog, RefusedDialog, type Confirmation } from "./dialogs";
import { KeySheet, useKeys, type KeyGroup } from "./keys";
import { TopBar } from "./top-bar";

/** What a mode is given: it puts itself into a `Frame`. */
export interface ModeProps {
  readonly workbench: Workbench;
  readonly session: AssignmentSession;
}

type Asking = { kind: "nothing" } | { kind: "keys" } | { kind: "give-back" } | { kind: "confirm"; confirmation: Confirmation };

/** What a mode's keys and buttons may ask of its frame. */
export interface FrameState {
  readonly workbench: Workbench;
  readonly session: AssignmentSession;
  /** Space is held down: the pointer pans. */
  readonly panning: Signal<boolean>;
  readonly asking: Signal<Asking>;
  /** Hand the reading in; asks first where the mode finds something to ask. */
  submit(): void;
  showKeys(): void;
}

/** @param doubt - asked before a reading is handed in: what the person should confirm; null where nothing. */
export function useFrame({ workbench, session }: ModeProps, doubt: () => Confirmation | null = () => null): FrameState {
  const asking = useSignal<Asking>({ kind: "nothing" });
  const panning = useSignal(false);
  return useMemo(
    () => ({
      workbench,
      session,
      panning,
      asking,
      submit: () => {
        if (workbench.busy.peek()) return;
        session.editor.commit();
        const confirmation = doubt();
        asking.value = confirmation ? { kind: "confirm", confirmation } : { kind: "nothing" };
        if (!confirmation) void workbench.submit();
      },
      showKeys: () => (asking.value = { kind: "keys" }),
    }),
    [session],
  );
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

/** Keep `keys` the same object from one rendering to the next (`useMemo`): they are bound anew when it changes. */
export function Frame(props: {
  frame: FrameState;
  keys: readonly KeyGroup[];
  /** Below the table of keys. */
  keyNote?: string;
  /** Names the mode for styles: `bench mode-…`. */
  name: string;
  /** Tools on the left. A mode without has more room. */
  rail?: ComponentChildren;
  side: ComponentChildren;
  status?: ComponentChildren;
  children: ComponentChildren;
}) {
  const { workbench, session, asking, panning, submit } = props.frame;
  useKeys(props.keys, panning, () => session.activity.note(), () => workbench.busy.peek());
  useLeaving(session);
  const close = () => (asking.value = { kind: "nothing" });
  const giveBack = async () => {
    close();
    if (await workbench.giveBack()) navigate("/");
  };
  const now = asking.value;
  const leaseLost = session.lease.lost.value !== null;
  return (
    <div class={`bench mode-${props.name}${props.rail ? "" : " no-rail"}`}>
      <TopBar workbench={workbench} session={session} submit={submit} giveBack={() => (asking.value = { kind: "give-back" })} showKeys={() => (asking.value = { kind: "keys" })} />
      {props.rail}
      <main class="stage" aria-label="Workbench" inert={workbench.busy.value}>
        {props.children}
        {workbench.busy.value && (
          <div class="stage-note veil">
            <Spinner label={session.line.durability.value.kind === "offline" ? "Waiting for the hub" : "Handing it in"} />
          </div>
        )}
      </main>
      <aside class="side" aria-label="Image and reading">
        {props.side}
      </aside>
      {props.status}
      {now.kind === "keys" && <KeySheet groups={props.keys} {...(props.keyNote ? { note: props.keyNote } : {})} close={close} />}
      {now.kind === "confirm" && (
        <ConfirmDialog
          confirmation={now.confirmation}
          confirm={() => {
            close();
            void workbench.submit();
          }}
          cancel={close}
        />
      )}
      {now.kind === "give-back" && <GiveBackDialog confirm={() => void giveBack()} cancel={close} />}
      {leaseLost && !sessionExpired.value && <LeaseLostDialog session={session} next={() => void workbench.next()} />}
      {!leaseLost && !sessionExpired.value && <RefusedDialog workbench={workbench} again={() => void workbench.submit()} />}
    </div>
  );
}
