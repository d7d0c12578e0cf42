/** Campaigns as the person signed in may see them, and what a curator does with one. */

import { api } from "../api/client";
import type { AssignmentSummary, Campaign, Consensus, NewCampaign, Preferences } from "../api/types";
import { named } from "./names";

export async function listCampaigns(): Promise<Campaign[]> {
  return (await api.get("/api/v1/campaigns/", { query: { page_size: 200 } })).results;
}

export function getCampaign(name: string): Promise<Campaign> {
  return api.get("/api/v1/campaigns/{lab}/{slug}/", { path: named(name) });
}

export function createCampaign(body: NewCampaign): Promise<Campaign> {
  return api.post("/api/v1/campaigns/", { body });
}

export function openCampaign(name: string): Promise<Campaign> {
  return api.post("/api/v1/campaigns/{lab}/{slug}/open/", { path: named(name) });
}

export function closeCampaign(name: string): Promise<Campaign> {
  return api.post("/api/v1/campaigns/{lab}/{slug}/close/", { path: named(name) });
}

/** What the person signed in did in a campaign: how many readings, the last few, and the work they hold now. */
export interface MyPart {
  readonly submitted: number;
  readonly recent: readonly AssignmentSummary[];
  readonly held: AssignmentSummary | null;
}

export async function myPart(campaign: string): Promise<MyPart> {
  const [done, held] = await Promise.all([
    api.get("/api/v1/assignments/", { query: { campaign, state: "submitted", page_size: 4 } }),
    api.get("/api/v1/assignments/", { query: { campaign, state: "leased", page_size: 1 } }),
  ]);
  return { submitted: done.count, recent: done.results, held: held.results[0] ?? null };
}

/** The latest consensus of each item (experts). */
export async function listConsensus(campaign: string): Promise<Consensus[]> {
  return (await api.get("/api/v1/consensus/", { query: { campaign, page_size: 200 } })).results;
}

/** Of a campaign of augmented microscopy: which checkpoint people prefer, and whether they tell it from the real picture. */
export function getPreferences(name: string): Promise<Preferences> {
  return api.get("/api/v1/campaigns/{lab}/{slug}/preferences/", { path: named(name) });
}
