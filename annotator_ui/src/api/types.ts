/** Names for the generated types that the rest of the interface speaks of. */

import type { More } from "./contract";
import type { components } from "./schema";

export type { Given, JsonValue, Ontology, Question, TaskName, Values } from "./contract";

/** `T` with what the contract adds to it. */
type Also<T, Added> = Omit<T, keyof Added> & Added;

type Schemas = components["schemas"];
export type Me = Schemas["Me"];
export type Person = Schemas["Person"];
export type NewPerson = Schemas["NewPersonRequest"];
export type Dataset = Schemas["Dataset"];
export type NewDataset = Schemas["NewDatasetRequest"];
export type HubImage = Schemas["Image"];
export type ArchiveImport = Schemas["Import"];
export type Layout = Schemas["Layout"];
export type Campaign = Schemas["Campaign"];
export type NewCampaign = Schemas["NewCampaignRequest"];
export type Progress = Schemas["Progress"];
/** Key -> what a draft says of it, as `cellcommons.reading` has it; the schema says only that it is JSON. */
export type Draft = Also<Schemas["Draft"], { readonly values: Readonly<Record<string, string | number | boolean | readonly string[]>> }>;
export type Assignment = Also<Schemas["Assignment"], { readonly draft: Draft | null }>;
export type AssignmentSummary = Schemas["AssignmentSummary"];
export type Edit = Schemas["Edit"];
export type EditTile = Schemas["Tile"];
export type Consensus = Schemas["Consensus"];
export type Disagreement = Also<Also<Schemas["Disagreement"], More["disagreement"]>, More["wholeDisagreement"]>;
export type DisagreementSummary = Also<Schemas["DisagreementSummary"], More["disagreement"]>;
export type DisagreementOption = Disagreement["options"][number];
export type Release = Also<Schemas["Release"], More["release"]>;
export type ReleaseSummary = Also<Schemas["ReleaseSummary"], More["release"]>;
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
