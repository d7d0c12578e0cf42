/** Training runs and the model cards that come of them. */

import { api } from "../api/client";
import type { ModelCard, ModelCardSummary, NewTrainingRun, TrainingRun, TrainingRunSummary } from "../api/types";

export async function listTrainingRuns(): Promise<TrainingRunSummary[]> {
  return (await api.get("/api/v1/training-runs/", { query: { page_size: 100 } })).results;
}

export function getTrainingRun(id: string): Promise<TrainingRun> {
  return api.get("/api/v1/training-runs/{id}/", { path: { id } });
}

export function startTraining(body: NewTrainingRun): Promise<TrainingRun> {
  return api.post("/api/v1/training-runs/", { body });
}

export function cancelTraining(id: string): Promise<TrainingRun> {
  return api.post("/api/v1/training-runs/{id}/cancel/", { path: { id } });
}

export function resumeTraining(id: string): Promise<TrainingRun> {
  return api.post("/api/v1/training-runs/{id}/resume/", { path: { id } });
}

export async function listModelCards(): Promise<ModelCardSummary[]> {
  return (await api.get("/api/v1/model-cards/", { query: { page_size: 100 } })).results;
}

export function getModelCard(id: string): Promise<ModelCard> {
  return api.get("/api/v1/model-cards/{id}/", { path: { id } });
}

export const checkpointUrl = (id: string): string => `/api/v1/model-cards/${id}/checkpoint`;
