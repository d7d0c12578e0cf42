/** Every page of the hub. A new page is one line here and one file in `pages/`. */

import type { Route } from "./router";

export const routes: readonly Route[] = [
  { pattern: "/", role: "annotator", frame: "shell", title: "Home", load: () => import("./pages/home") },
  {
    pattern: "/annotate/{slug}",
    role: "annotator",
    frame: "full",
    title: "Annotate",
    load: () => import("./workbench/workbench"),
  },
];

/** The shell's navigation, in order. `role`: shown from this role up. */
export const navigation: readonly { href: string; label: string; role: "annotator" | "expert" | "curator" }[] = [
  { href: "/", label: "Home", role: "annotator" },
];
