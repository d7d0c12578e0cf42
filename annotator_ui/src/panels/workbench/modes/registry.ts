/** One mode a task. A new task is one line here and one file beside this one. */

import type { ComponentType } from "preact";
import type { TaskName } from "../../../api/types";
import type { ModeProps } from "../frame";
import { Augmented } from "./augmented";
import { Classification } from "./classification";
import { InstanceSegmentation } from "./instance-segmentation";
import { SemanticSegmentation } from "./semantic-segmentation";
import { TrackingMode } from "./tracking";

export const MODES: Readonly<Partial<Record<TaskName, ComponentType<ModeProps>>>> = {
  augmented: Augmented,
  classification: Classification,
  instance_segmentation: InstanceSegmentation,
  semantic_segmentation: SemanticSegmentation,
  tracking: TrackingMode,
};
