/** The question about candidates: asked once, answered for good, then what was hidden is told. */

import { computed, effect, signal, untracked, type ReadonlySignal } from "@preact/signals";
import { asProblem, Problem } from "../../../api/problem";
import type { Given, Question } from "../../../api/types";
import type { AssignmentSession } from "../../../session/assignment";

/** `asking`: nothing is marked yet. `revealing`: answered, but the hub has not said which was which. */
export type Stage = "asking" | "revealing" | "marking";

export interface Answer {
  readonly value: string;
  readonly key: string;
  readonly label: string;
}

export const ANSWERS: Readonly<Record<Question, readonly Answer[]>> = {
  trial: [
    { value: "a", key: "A", label: "A is real" },
    { value: "b", key: "B", label: "B is real" },
    { value: "unsure", key: "U", label: "I cannot tell" },
  ],
  preference: [
    { value: "a", key: "A", label: "A is better" },
    { value: "b", key: "B", label: "B is better" },
    { value: "same", key: "S", label: "As good as each other" },
  ],
};

export const ASKED: Readonly<Record<Question, string>> = {
  trial: "Which one is real?",
  preference: "Which one is better?",
};

/** What failures are marked on: the newest prediction once it is told, the target where nothing is asked; else null. */
export function judgedKey(given: readonly Given[], question: Question | null): string | null {
  if (question === null) return given.find(({ kind }) => kind === "target")?.key ?? null;
  return given.find(({ role }) => role === "predicted")?.key ?? null;
}

export interface Verdict {
  readonly tone: "good" | "warn" | "info";
  readonly title: string;
  readonly text: string;
}

/** What the answer came to, kindly: a model that fools people is good news. Null before it is told. */
export function verdictOf(question: Question | null, answer: string | null, given: readonly Given[]): Verdict | null {
  const keyOf = (role: string) => given.find((row) => row.role === role)?.key.toUpperCase();
  const predicted = keyOf("predicted");
  if (question === null || answer === null || !predicted) return null;
  const told = `${keyOf(question === "trial" ? "real" : "older") ?? "The other"}`;
  if (question === "trial") {
    const which = `${told} is real, ${predicted} was predicted by a model.`;
    if (answer === "unsure") return { tone: "info", title: "Not easy to tell", text: `${which} That you could not tell says something about the model.` };
    if (answer.toUpperCase() === told) return { tone: "good", title: "Right", text: which };
    return { tone: "warn", title: "Not this time", text: `${which} It fooled you, which is good news about the model.` };
  }
  const which = `${predicted} is the newer model's, ${told} the older one's.`;
  if (answer === "same") return { tone: "info", title: "As good as each other", text: which };
  const newer = answer.toUpperCase() === predicted;
  return { tone: "info", title: newer ? "You prefer the newer model" : "You prefer the older model", text: which };
}

export class Answering {
  readonly answer: ReadonlySignal<string | null>;
  readonly stage: ReadonlySignal<Stage>;
  /** Why what was hidden cannot be told yet; the answer itself is kept. */
  readonly problem = signal<Problem | null>(null);
  private asking = false;
  private again = false;
  private readonly stop: () => void;

  constructor(private readonly session: Pick<AssignmentSession, "values" | "given" | "question" | "change" | "refresh"> & { line: Pick<AssignmentSession["line"], "durability"> }) {
    this.answer = computed(() => {
      const question = session.question.value;
      const said = question && session.values.value.get(question);
      return typeof said === "string" ? said : null;
    });
    this.stage = computed(() => {
      if (session.question.value === null) return "marking";
      if (this.answer.value === null) return "asking";
      return judgedKey(session.given.value, session.question.value) === null ? "revealing" : "marking";
    });
    // Answered, and the hub has it (now, or after a reload): ask what it was.
    this.stop = effect(() => {
      if (this.stage.value === "revealing" && session.line.durability.value.kind === "saved") untracked(() => void this.reveal());
    });
  }

  /** Answer for good. False where it was answered before, or is not asked. */
  say(value: string): boolean {
    const question = this.session.question.value;
    if (this.stage.value !== "asking" || question === null) return false;
    return this.session.change("answer", { question }, { [question]: value });
  }

  /** Ask what was hidden. Asked again while an answer is on its way, it asks once more after that. */
  async reveal(): Promise<void> {
    this.again = true;
    if (this.asking) return;
    this.asking = true;
    this.problem.value = null;
    try {
      while (this.again && this.stage.peek() === "revealing") {
        this.again = false;
        await null; // the answer takes its place in the line before it is waited for
        await this.session.refresh();
      }
      if (this.stage.peek() === "revealing")
        this.problem.value = new Problem(-1, { title: "The hub does not tell yet which is which", remedy: "Your answer is kept. Ask again in a moment." });
    } catch (error) {
      this.problem.value = asProblem(error);
    } finally {
      this.asking = false;
    }
  }

  close(): void {
    this.stop();
  }
}
