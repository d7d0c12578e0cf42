/** A preview of an image: its place is kept while it comes, and a missing one says so. */

import { useState } from "preact/hooks";

export function Picture({ src, alt, fit = "cover", lazy = true }: { src: string; alt: string; fit?: "cover" | "contain"; lazy?: boolean }) {
  const [state, setState] = useState<"coming" | "there" | "missing">("coming");
  return (
    <span class={`picture ${fit} ${state}`}>
      {state === "missing" ? (
        <span class="dim">no preview</span>
      ) : (
        <img src={src} alt={alt} loading={lazy ? "lazy" : "eager"} decoding="async" onLoad={() => setState("there")} onError={() => setState("missing")} />
      )}
    </span>
  );
}
