/** One mode a task. A new task is one line here and one file beside this one. */

import type { ComponentType } from "preact";
import type { TaskName } from "../../../api/types";
import type { ModeProps } from "../frame";
import { InstanceSegmentation } from "./instance-segmentation";

export const MODES: Readonly<Partial<Record<TaskName, ComponentType<ModeProps>>>> = {
  instance_segmentation: InstanceSegmentation,
};
