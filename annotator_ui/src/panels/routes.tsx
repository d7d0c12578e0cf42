/** Every page of the hub. A new page is one line here and one file in `pages/`. */

import type { Route } from "./router";

export const routes: readonly Route[] = [
  { pattern: "/", role: "annotator", frame: "shell", title: "Home", load: () => import("./pages/home") },
  {
    pattern: "/annotate/{lab}/{slug}",
    role: "annotator",
    frame: "full",
    title: "Annotate",
    load: () => import("./workbench/workbench"),
  },
  { pattern: "/datasets", role: "annotator", frame: "shell", title: "Datasets", load: () => import("./pages/datasets") },
  { pattern: "/datasets/{lab}/{slug}", role: "annotator", frame: "shell", title: "Dataset", load: () => import("./pages/dataset") },
  { pattern: "/imports/{id}", role: "curator", frame: "shell", title: "Import", load: () => import("./pages/import") },
  { pattern: "/images/{id}", role: "annotator", frame: "shell", title: "Image", load: () => import("./pages/image") },
  { pattern: "/campaigns", role: "annotator", frame: "shell", title: "Campaigns", load: () => import("./pages/campaigns") },
  { pattern: "/campaigns/{lab}/{slug}", role: "annotator", frame: "shell", title: "Campaign", load: () => import("./pages/campaign") },
  { pattern: "/disagreements", role: "expert", frame: "shell", title: "Disagreements", load: () => import("./pages/disagreements") },
  { pattern: "/disagreements/{id}", role: "expert", frame: "shell", title: "Settle", load: () => import("./pages/disagreement") },
  { pattern: "/releases", role: "anyone", frame: "shell", title: "Releases", load: () => import("./pages/releases") },
  { pattern: "/releases/{lab}/{slug}/{version}", role: "anyone", frame: "shell", title: "Release", load: () => import("./pages/release") },
  { pattern: "/releases/{lab}/{slug}/{version}/images/{image}", role: "anyone", frame: "shell", title: "Image of a release", load: () => import("./pages/release-image") },
  { pattern: "/models", role: "annotator", frame: "shell", title: "Models", load: () => import("./pages/models") },
  { pattern: "/models/{id}", role: "annotator", frame: "shell", title: "Model", load: () => import("./pages/model-card") },
  { pattern: "/training-runs/{id}", role: "annotator", frame: "shell", title: "Training", load: () => import("./pages/training-run") },
  { pattern: "/labs", role: "annotator", frame: "shell", title: "Labs", load: () => import("./pages/labs") },
  { pattern: "/people", role: "curator", frame: "shell", title: "People", load: () => import("./pages/people") },
];

/** The shell's navigation, in order. `role`: shown from this role up. */
export const navigation: readonly { href: string; label: string; role: Route["role"] }[] = [
  { href: "/", label: "Home", role: "annotator" },
  { href: "/datasets", label: "Datasets", role: "annotator" },
  { href: "/campaigns", label: "Campaigns", role: "annotator" },
  { href: "/disagreements", label: "Disagreements", role: "expert" },
  { href: "/releases", label: "Releases", role: "anyone" },
  { href: "/models", label: "Models", role: "annotator" },
  { href: "/labs", label: "Labs", role: "curator" },
  { href: "/people", label: "People", role: "curator" },
];
