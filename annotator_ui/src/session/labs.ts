/** Labs and who belongs to them. */

import { api } from "../api/client";
import type { Lab, NewLab, Person } from "../api/types";
import { findPresence } from "./people";

export interface LabWithMembers {
  readonly lab: Lab;
  readonly members: readonly Person[];
}

/** The labs of the person signed in, each with its people. */
export async function listLabs(): Promise<LabWithMembers[]> {
  const found = await api.get("/api/v1/labs/", { query: { page_size: 200 } });
  return Promise.all(
    found.results.map(async (lab) => ({
      lab,
      members: (await api.get("/api/v1/labs/{lab}/members/", { path: { lab: lab.slug }, query: { page_size: 200 } })).results,
    })),
  );
}

export async function makeLab(body: NewLab): Promise<Lab> {
  const made = await api.post("/api/v1/labs/", { body });
  await findPresence(); // other pages offer it from now on
  return made;
}

export function addMember(lab: string, username: string): Promise<Person> {
  return api.post("/api/v1/labs/{lab}/members/", { path: { lab }, body: { username } });
}

export async function removeMember(lab: string, username: string): Promise<void> {
  await api.delete("/api/v1/labs/{lab}/members/{username}/", { path: { lab, username } });
  await findPresence();
}
