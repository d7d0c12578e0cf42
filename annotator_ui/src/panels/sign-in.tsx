/** Signing in: as a page, and in place when the session runs out under work in progress. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem";
import { person, sessionExpired, signIn } from "../session/people";
import { Mark } from "./mark";
import { Modal } from "./modal";
import { navigate, path, query } from "./router";
import { SignInArt } from "./sign-in-art";

function SignInForm({ username: known, done }: { username?: string; done: () => void }) {
  const problem = useSignal<Problem | null>(null);
  const busy = useSignal(false);
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    busy.value = true;
    problem.value = null;
    try {
      await signIn(String(form.get("username")), String(form.get("password")));
      done();
    } catch (error) {
      problem.value = asProblem(error);
    } finally {
      busy.value = false;
    }
  }

  return (
    <form class="stack" onSubmit={(event) => void submit(event)}>
      <label class="field">
        <span>Name</span>
        <input
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellcheck={false}
          required
          {...(known ? { value: known, readOnly: true } : { ref: first, autofocus: true })}
        />
      </label>
      <label class="field">
        <span>Password</span>
        <input name="password" type="password" autoComplete="current-password" required {...(known ? { ref: first, autofocus: true } : {})} />
      </label>
      {problem.value && (
        <p class="form-problem" role="alert">
          {problem.value.message} {problem.value.remedy}
        </p>
      )}
      <button type="submit" class="button primary wide" disabled={busy.value}>
        {busy.value ? "Signing in…" : "Sign in"}
      </button>
    </form>
  );
}

/** After signing in, go where the person was heading. */
function onward(): void {
  const next = query.value.get("next");
  if (path.value === "/sign-in") navigate(next?.startsWith("/") && !next.startsWith("//") ? next : "/", "replace");
}

export function SignInPage() {
  useEffect(() => {
    if (person.value) onward();
  }, [person.value]);
  return (
    <div class="sign-in">
      <SignInArt />
      <main class="card sign-in-card">
        <div class="brand large">
          <Mark size={40} />
          <span>Cell Commons</span>
        </div>
        <p class="dim">Many eyes, one truth: label cells together, and teach models what we saw.</p>
        <SignInForm done={onward} />
        <p class="dim small-text">
          No account is needed to <a href="/releases">see and download the releases</a>.
        </p>
      </main>
    </div>
  );
}

export function SignInDialog() {
  const who = person.value?.username;
  return (
    <Modal title="Your session ran out" onClose={null}>
      <p>Your work is kept on this device. Sign in again and it goes on where it was.</p>
      <SignInForm {...(who ? { username: who } : {})} done={() => (sessionExpired.value = false)} />
    </Modal>
  );
}
