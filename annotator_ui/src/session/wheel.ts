/** Everything a curator's home page counts, asked for at once. */

import { api } from "../api/client";
import { listCampaigns } from "./campaigns";
import { listDatasets } from "./catalogue";
import { listModelCards, listTrainingRuns } from "./models";
import type { Wheel } from "./next-steps";
import { listReleases } from "./releases";

export async function readWheel(): Promise<Wheel> {
  const [datasets, campaigns, disagreements, releases, runs, cards, rounds] = await Promise.all([
    listDatasets(),
    listCampaigns(),
    api.get("/api/v1/disagreements/", { query: { state: "open", page_size: 1 } }),
    listReleases(),
    listTrainingRuns(),
    listModelCards(),
    api.get("/api/v1/rounds/", { query: { page_size: 1 } }),
  ]);
  return { datasets, campaigns, disagreements: disagreements.count, releases, runs, cards, rounds: rounds.count };
}
