/** Which file asks about which task. A new task is one line here and one file. */

import type { TaskName } from "../../../api/types";
import { augmented } from "./augmented";
import { cells } from "./cells";
import { classification } from "./classification";
import type { DisputeKind } from "./contract";
import { semantic } from "./semantic";
import { tracking } from "./tracking";

const KINDS: Readonly<Record<TaskName, DisputeKind>> = {
  instance_segmentation: cells,
  semantic_segmentation: semantic,
  classification,
  tracking,
  augmented,
};

export function disputeKind(task: TaskName): DisputeKind {
  return KINDS[task];
}
