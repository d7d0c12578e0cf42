/** The people of the hub (curators). */

import { api } from "../api/client";
import type { NewPerson, Person } from "../api/types";

export async function listPeople(): Promise<Person[]> {
  return (await api.get("/api/v1/people/", { query: { page_size: 200 } })).results;
}

export function invite(body: NewPerson): Promise<Person> {
  return api.post("/api/v1/people/", { body });
}

/** A password to hand over: 4 groups of 4 characters that cannot be mistaken for one another, 78 bits. */
export function suggestPassword(random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array = (bytes) => crypto.getRandomValues(bytes)): string {
  const letters = "abcdefghjkmnpqrstuvwxyz23456789";
  let text = "";
  while (text.length < 16) {
    // 248 = 8 x 31: bytes above it would favour the first letters.
    for (const byte of random(new Uint8Array(32))) if (byte < 248 && text.length < 16) text += letters[byte % letters.length];
  }
  return text.match(/.{4}/g)!.join("-");
}
