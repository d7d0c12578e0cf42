/** Forms that ask the hub: busy while it answers, its refusal beside the field it means. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { asProblem, type Problem } from "../../../api/problem";
import { sentence, slugOf } from "./figures";

export interface Sending {
  readonly busy: boolean;
  readonly problem: Problem | null;
  readonly run: (work: () => Promise<unknown>) => Promise<boolean>;
}

/** One thing at a time; resolves to whether it went through. */
export function useSending(): Sending {
  const [state, setState] = useState<{ busy: boolean; problem: Problem | null }>({ busy: false, problem: null });
  async function run(work: () => Promise<unknown>): Promise<boolean> {
    if (state.busy) return false;
    setState({ busy: true, problem: null });
    try {
      await work();
      setState({ busy: false, problem: null });
      return true;
    } catch (error) {
      setState({ busy: false, problem: asProblem(error) });
      return false;
    }
  }
  return { ...state, run };
}

/** A labelled field with a hint below; the hub's message about `name` takes the hint's place. */
export function Field(props: { name: string; label: string; hint?: ComponentChildren; problem?: Problem | null; children: ComponentChildren }) {
  const refused = props.problem?.errors[props.name]?.join(" ");
  return (
    <label class="field">
      <span>{props.label}</span>
      {props.children}
      {refused ? <small class="form-problem">{refused}</small> : props.hint && <small class="dim">{props.hint}</small>}
    </label>
  );
}

/** What a refusal says beyond the fields. */
export function FormProblem({ problem }: { problem: Problem | null }) {
  // A message that stands beside its field is not said twice.
  if (!problem || Object.keys(problem.errors).some((name) => name !== "non_field_errors")) return null;
  return (
    <p class="form-problem" role="alert">
      {sentence(problem.message)} {sentence(problem.remedy)}
    </p>
  );
}

/** `danger`: what cannot be undone. */
export function FormFoot({ sending, verb, doing, danger = false, cancel }: { sending: Sending; verb: string; doing: string; danger?: boolean; cancel?: () => void }) {
  return (
    <div class="form-foot">
      {cancel && (
        <button type="button" class="button" onClick={cancel}>
          Cancel
        </button>
      )}
      <button type="submit" class={danger ? "button danger" : "button primary"} disabled={sending.busy}>
        {sending.busy ? doing : verb}
      </button>
    </div>
  );
}

/** The text of a field; "" where it is empty or absent. */
export function textOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value.trim() : "";
}

/** The number of a field, or null where it is empty. */
export function numberOf(form: FormData, name: string): number | null {
  const text = textOf(form, name);
  return text === "" ? null : Number(text);
}

/** A title, and the slug that follows it until it is changed by hand. */
export function TitleAndSlug({ start = "", problem, place }: { start?: string; problem: Problem | null; place: string }) {
  const [title, setTitle] = useState(start);
  const [slug, setSlug] = useState<string | null>(null);
  return (
    <>
      <Field name="title" label="Title" problem={problem}>
        <input name="title" required maxLength={200} value={title} onInput={(event) => setTitle(event.currentTarget.value)} autoFocus />
      </Field>
      <Field name="slug" label="Short name in addresses" problem={problem} hint={`${place ? `${place}/` : ""}${slug ?? slugOf(title)}`}>
        <input name="slug" required maxLength={64} pattern="[a-zA-Z0-9][\-a-zA-Z0-9_]*" class="mono" value={slug ?? slugOf(title)} onInput={(event) => setSlug(event.currentTarget.value)} />
      </Field>
    </>
  );
}
