/** Who is signed in. One signal for the whole page; sign-in in place lets waiting work go on. */

import { computed, signal } from "@preact/signals";
import { api, keepCsrfToken } from "../api/client";
import { asProblem, type Problem } from "../api/problem";
import type { Lab, Me, Person } from "../api/types";
import { named } from "./names";

export type Presence =
  | { kind: "unknown" }
  | { kind: "unreachable"; problem: Problem }
  | { kind: "signed-out" }
  | { kind: "signed-in"; person: Person };

export const presence = signal<Presence>({ kind: "unknown" });
export const person = computed(() => (presence.value.kind === "signed-in" ? presence.value.person : null));

/** The labs that the person signed in belongs to. */
export const labs = signal<readonly Lab[]>([]);

/** True while the session ran out under work in progress: a dialog asks for the password, the page stays. */
export const sessionExpired = signal(false);

const RANK: Record<Person["role"], number> = { annotator: 0, expert: 1, curator: 2 };

/** Whether the person signed in has `role` or a higher one. */
export function may(role: Person["role"]): boolean {
  return person.value !== null && RANK[person.value.role] >= RANK[role];
}

/** Whether the person signed in may change what is called `lab/slug`: curators change what their labs own. */
export function mayChange(name: string): boolean {
  return may("curator") && labs.value.some((lab) => lab.slug === named(name).lab);
}

function accept(me: Me): void {
  keepCsrfToken(me.csrf_token);
  presence.value = me.user ? { kind: "signed-in", person: me.user } : { kind: "signed-out" };
  labs.value = me.labs;
  if (me.user) sessionExpired.value = false;
}

/** Ask the hub who we are. Never throws: an unreachable hub is a state to show. */
export async function findPresence(): Promise<void> {
  try {
    accept(await api.get("/api/v1/auth/me/"));
  } catch (error) {
    presence.value = { kind: "unreachable", problem: asProblem(error) };
  }
}

/** Throws the hub's Problem on wrong credentials. */
export async function signIn(username: string, password: string): Promise<void> {
  accept(await api.post("/api/v1/auth/sign-in/", { body: { username, password } }));
}

export async function signOut(): Promise<void> {
  await api.post("/api/v1/auth/sign-out/");
  presence.value = { kind: "signed-out" };
  labs.value = [];
  await findPresence(); // a fresh CSRF token for the next sign-in
}
