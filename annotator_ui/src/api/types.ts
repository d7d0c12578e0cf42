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
export type Dataset = Also<Schemas["Dataset"], More["dataset"]>;
export type NewDataset = Schemas["NewDatasetRequest"];
export type HubImage = Schemas["Image"];
export type ArchiveImport = Schemas["Import"];
export type Layout = Schemas["Layout"];
export type Campaign = Also<Schemas["Campaign"], More["campaign"]>;
export type NewCampaign = Also<Schemas["NewCampaignRequest"], More["newCampaign"]>;
export type Progress = Schemas["Progress"];
export type { Assignment, Draft, Edit } from "./pending";
/** As a list has it: without what is given and what a draft says. */
export type AssignmentSummary = Schemas["Assignment"];
export type EditTile = Schemas["Tile"];
export type Consensus = Schemas["Consensus"];
export type Disagreement = Also<Also<Schemas["Disagreement"], More["disagreement"]>, More["wholeDisagreement"]>;
export type DisagreementSummary = Also<Schemas["DisagreementSummary"], More["disagreement"]>;
export type DisagreementOption = Disagreement["options"][number];
export type Release = Also<Schemas["Release"], More["release"]>;
export type ReleaseSummary = Also<Schemas["ReleaseSummary"], More["release"]>;
export type ReleaseImage = Schemas["ReleaseImage"];
export type NewRelease = Schemas["NewReleaseRequest"];
export type TrainingRun = Also<Schemas["TrainingRun"], More["trainingRun"]>;
export type TrainingRunSummary = Also<Schemas["TrainingRunSummary"], More["trainingRun"]>;
export type NewTrainingRun = Also<Schemas["NewTrainingRunRequest"], More["newTrainingRun"]>;
export type RunState = Schemas["RunStateEnum"];
export type RunProgress = Schemas["RunProgress"];
export type CurvePoint = Schemas["CurvePoint"];
export type ModelCard = Also<Schemas["ModelCard"], More["modelCard"]>;
export type ModelCardSummary = Also<Schemas["ModelCardSummary"], More["modelCard"]>;
export type ImageScore = Schemas["ImageScore"];
export type PredictionRun = Schemas["PredictionRun"];
export type NewPredictionRun = Schemas["NewPredictionRunRequest"];
export type Round = Schemas["Round"];
export type NewRound = Schemas["NewRoundRequest"];
