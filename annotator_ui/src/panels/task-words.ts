/** The five tasks in words: what each asks of people, what its readings count, and the measure that matters. */

import type { TaskName } from "../api/types";

export interface TaskWords {
  readonly name: TaskName;
  readonly title: string;
  /** What a reader does, in one sentence. */
  readonly asks: string;
  /** What the images must have; "" where any image of one plane does. */
  readonly needs: string;
  /** Classes are part of the question. */
  readonly classes: "none" | "exclusive" | "any";
  /** What consensus and releases count, singular and plural. */
  readonly thing: readonly [string, string];
  /** The measure that a model of this task is chosen by. */
  readonly headline: string;
  /** What a model is compared with. */
  readonly baseline: string;
  /** For the guidelines of a new campaign. */
  readonly example: string;
}

export const TASKS: readonly TaskWords[] = [
  {
    name: "instance_segmentation",
    title: "Instance segmentation",
    asks: "Draw the outline of every cell, each as an object of its own.",
    needs: "",
    classes: "none",
    thing: ["cell", "cells"],
    headline: "f1_50",
    baseline: "Otsu + watershed",
    example: "Outline **every nucleus**.\n\n- Touching nuclei are two cells.\n- Leave out debris.",
  },
  {
    name: "semantic_segmentation",
    title: "Semantic segmentation",
    asks: "Paint which class each region belongs to; what is left unpainted counts as unknown.",
    needs: "",
    classes: "exclusive",
    thing: ["class", "classes"],
    headline: "mean_dice",
    baseline: "Pixel class by brightness",
    example: "Paint **a few strokes of each class**.\n\n- Leave out what you cannot tell.\n- Borders need not be exact.",
  },
  {
    name: "classification",
    title: "Classification",
    asks: "Say which class an image, or each cell marked in it, belongs to.",
    needs: "With cells or boxes beside the image each of them is asked; otherwise the image as a whole.",
    classes: "any",
    thing: ["object", "objects"],
    headline: "macro_f1",
    baseline: "Logistic regression on size and colour",
    example: "Name **the cell in the middle**.\n\n- In doubt choose what most of it looks like.",
  },
  {
    name: "tracking",
    title: "Tracking",
    asks: "Follow the cells from frame to frame: which goes on as which, and which divides.",
    needs: "For movies, with the cells of each frame found already (by an import or a model).",
    classes: "none",
    thing: ["track", "tracks"],
    headline: "link_f1",
    baseline: "Linking by overlap",
    example: "Follow **every cell** until it leaves or dies.\n\n- A division has one mother and two daughters.",
  },
  {
    name: "augmented",
    title: "Augmented microscopy",
    asks: "Judge pictures that a model predicted: is it real, which is better, and where it fails.",
    needs: "For pairs: each image with its real counterpart (a stain, a clean exposure).",
    classes: "none",
    thing: ["failure region", "failure regions"],
    headline: "pearson_r",
    baseline: "Ridge regression",
    example: "Mark **where the picture is wrong**: nuclei that are not there, blur, saturation.",
  },
];

const BY_NAME = new Map<string, TaskWords>(TASKS.map((words) => [words.name, words]));

/** Words of `task`; a task that this page does not know is named as the hub names it. */
export function wordsOf(task: string | null | undefined): TaskWords {
  const known = BY_NAME.get(task ?? "instance_segmentation");
  if (known) return known;
  const title = spaced(task!);
  return { ...TASKS[0]!, title, asks: "", classes: "none", thing: ["object", "objects"], headline: "", baseline: "the baseline", example: "" };
}

function spaced(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}
