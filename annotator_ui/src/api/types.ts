/** Names for the generated types that the rest of the interface speaks of. */

import type { components } from "./schema";

type Schemas = components["schemas"];
export type Me = Schemas["Me"];
export type Person = Schemas["Person"];
export type NewPerson = Schemas["NewPersonRequest"];
export type Dataset = Schemas["Dataset"];
export type NewDataset = Schemas["NewDatasetRequest"];
export type HubImage = Schemas["Image"];
export type ArchiveImport = Schemas["Import"];
export type Campaign = Schemas["Campaign"];
export type NewCampaign = Schemas["NewCampaignRequest"];
export type Progress = Schemas["Progress"];
export type Assignment = Schemas["Assignment"];
export type Edit = Schemas["Edit"];
export type EditTile = Schemas["Tile"];
export type Consensus = Schemas["Consensus"];
export type Disagreement = Schemas["Disagreement"];
export type DisagreementSummary = Schemas["DisagreementSummary"];
export type DisagreementOption = Schemas["DisagreementOption"];
export type Release = Schemas["Release"];
export type ReleaseSummary = Schemas["ReleaseSummary"];
export type ReleaseImage = Schemas["ReleaseImage"];
export type NewRelease = Schemas["NewReleaseRequest"];
export type TrainingRun = Schemas["TrainingRun"];
export type TrainingRunSummary = Schemas["TrainingRunSummary"];
export type NewTrainingRun = Schemas["NewTrainingRunRequest"];
export type RunState = Schemas["RunStateEnum"];
export type RunProgress = Schemas["RunProgress"];
export type CurvePoint = Schemas["CurvePoint"];
export type ModelCard = Schemas["ModelCard"];
export type ModelCardSummary = Schemas["ModelCardSummary"];
export type ImageScore = Schemas["ImageScore"];
export type PredictionRun = Schemas["PredictionRun"];
export type NewPredictionRun = Schemas["NewPredictionRunRequest"];
export type Round = Schemas["Round"];
export type NewRound = Schemas["NewRoundRequest"];
