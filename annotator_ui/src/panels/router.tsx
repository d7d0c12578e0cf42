/** Path-based routing: one signal for the address, plain links, no history library. */

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

export interface Route {
  /** Segments in braces are parameters: `/annotate/{lab}/{slug}`. */
  pattern: string;
  /** Who may open it. `anyone`: also without signing in. */
  role: "anyone" | "annotator" | "expert" | "curator";
  /** Full-bleed pages draw their own bars; the others stand in the shell. */
  frame: "shell" | "full";
  title: string;
  load: () => Promise<{ default: ComponentType<{ params: Record<string, string> }> }>;
}

export const path = signal(window.location.pathname);
export const query = signal(new URLSearchParams(window.location.search));

function follow(): void {
  path.value = window.location.pathname;
  query.value = new URLSearchParams(window.location.search);
}

export function navigate(to: string, how: "push" | "replace" = "push"): void {
  if (how === "push") window.history.pushState(null, "", to);
  else window.history.replaceState(null, "", to);
  follow();
  window.scrollTo(0, 0);
}

/** Same-origin links of the page change the path without loading it anew; modified clicks stay the browser's. */
export function interceptLinks(): void {
  window.addEventListener("popstate", follow);
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
      return;
    const link = (event.target as Element | null)?.closest?.("a[href]");
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
    const url = new URL(link.href);
    if (url.origin !== window.location.origin || url.pathname.startsWith("/api/") || url.pathname.startsWith("/admin/"))
      return;
    event.preventDefault();
    navigate(url.pathname + url.search + url.hash);
  });
}

export interface Match {
  route: Route;
  params: Record<string, string>;
}

export function matchPath(routes: readonly Route[], pathname: string): Match | null {
  const asked = pathname.replace(/\/+$/, "").split("/");
  for (const route of routes) {
    const wanted = route.pattern.replace(/\/+$/, "").split("/");
    if (wanted.length !== asked.length) continue;
    const params: Record<string, string> = {};
    const fits = wanted.every((segment, i) => {
      const given = asked[i]!;
      if (!segment.startsWith("{")) return segment === given;
      params[segment.slice(1, -1)] = decodeURIComponent(given);
      return given !== "";
    });
    if (fits) return { route, params };
  }
  return null;
}

export type Loaded =
  | { kind: "loading" }
  | { kind: "ready"; Page: ComponentType<{ params: Record<string, string> }> }
  | { kind: "failed"; error: unknown };

/** The page's code, fetched when its route is first opened. */
export function usePage(route: Route | null): Loaded {
  const [loaded, setLoaded] = useState<{ route: Route | null; state: Loaded }>({ route, state: { kind: "loading" } });
  useEffect(() => {
    if (!route) return;
    let stale = false;
    route.load().then(
      (module) => stale || setLoaded({ route, state: { kind: "ready", Page: module.default } }),
      (error: unknown) => stale || setLoaded({ route, state: { kind: "failed", error } }),
    );
    return () => {
      stale = true;
    };
  }, [route]);
  return loaded.route === route ? loaded.state : { kind: "loading" };
}
