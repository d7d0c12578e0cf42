/** Names for the generated types that the rest of the interface speaks of. */

import type { components } from "./schema";

/** `T` with what the schema leaves open said more exactly. */
type Also<T, Added> = Omit<T, keyof Added> & Added;

type Schemas = components["schemas"];
export type Me = Schemas["Me"];
export type Person = Schemas["Person"];
export type Lab = Schemas["Lab"];
export type NewLab = Schemas["NewLabRequest"];
export type NewPerson = Schemas["NewPersonRequest"];
export type Dataset = Schemas["Dataset"];
export type VisibilityChange = Schemas["VisibilityChange"];
export type NewDataset = Schemas["NewDatasetRequest"];
export type HubImage = Schemas["Image"];
export type ArchiveImport = Schemas["Import"];
export type ImportSummary = Schemas["ImportSummary"];
export type ImportedFile = Schemas["ImportedFile"];
export type FileOutcome = Schemas["OutcomeEnum"];
export type LayoutGuess = Schemas["Guess"];
export type ImageFormat = Schemas["Format"];
export type HubUpload = Schemas["Upload"];
export type UploadSummary = Schemas["UploadSummary"];
export type NewUpload = Schemas["NewUploadRequest"];
export type Layout = Schemas["Layout"];
export type TaskName = Schemas["TaskEnum"];
export type Ontology = Schemas["Ontology"];
export type Given = Schemas["Given"];
export type Question = Schemas["QuestionEnum"];
/** Key -> JSON value; null: not said. */
export type Said = Readonly<Record<string, unknown>>;
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
export type Preferences = Schemas["Preferences"];
export type Disagreement = Schemas["Disagreement"];
export type DisagreementSummary = Schemas["DisagreementSummary"];
export type DisagreementOption = Schemas["DisagreementOption"];
export type Release = Schemas["Release"];
export type ReleaseSummary = Schemas["ReleaseSummary"];
export type Withdrawal = Schemas["Withdrawal"];
export type ReleaseImage = Schemas["ReleaseImage"];
export type ReleaseImageDetail = Schemas["ReleaseImageDetail"];
export type ReleaseFile = Schemas["ReleaseFile"];
export type Signature = Schemas["SignatureDocument"];
export type SigningKey = Schemas["SigningKey"];
export type ReleaseDiff = Schemas["ReleaseDiff"];
export type DiffSummary = Schemas["DiffSummary"];
export type DiffCells = Schemas["DiffCells"];
export type DiffCell = Schemas["DiffCell"];
export type DiffImage = Schemas["DiffImage"];
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
