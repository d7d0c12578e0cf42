/** Campaigns as the person signed in may see them. */

import { api } from "../api/client";
import type { Campaign } from "../api/types";

export async function listCampaigns(): Promise<Campaign[]> {
  return (await api.get("/api/v1/campaigns/", { query: { page_size: 200 } })).results;
}

export function getCampaign(slug: string): Promise<Campaign> {
  return api.get("/api/v1/campaigns/{slug}/", { path: { slug } });
}
