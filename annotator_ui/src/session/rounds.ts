/** Rounds of active learning, and the predictions they rank by (curators). */

import { api } from "../api/client";
import type { NewPredictionRun, NewRound, PredictionRun, Round } from "../api/types";
import { named } from "./names";

/** A campaign's rounds, the latest first. */
export async function listRounds(campaign: string): Promise<Round[]> {
  const found = await api.get("/api/v1/rounds/", { query: { campaign, page_size: 50 } });
  return [...found.results].sort((a, b) => b.number - a.number);
}

export function openRound(name: string, body: NewRound): Promise<Round> {
  return api.post("/api/v1/campaigns/{lab}/{slug}/rounds/", { path: named(name), body });
}

/** Prediction runs over a campaign, newest first. */
export async function listPredictionRuns(campaign: string): Promise<PredictionRun[]> {
  const found = await api.get("/api/v1/prediction-runs/", { query: { page_size: 200 } });
  return found.results.filter((run) => run.campaign === campaign);
}

export function startPrediction(body: NewPredictionRun): Promise<PredictionRun> {
  return api.post("/api/v1/prediction-runs/", { body });
}

export function getPredictionRun(id: string): Promise<PredictionRun> {
  return api.get("/api/v1/prediction-runs/{id}/", { path: { id } });
}
