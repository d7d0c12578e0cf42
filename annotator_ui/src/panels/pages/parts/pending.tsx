/** The three states of an answer: a skeleton while it comes, the refusal with its remedy, or the page. */

import type { ComponentChildren } from "preact";
import { EmptyState, ProblemNotice } from "../../feedback";
import type { Reply } from "./reply";

export type SkeletonKind = "cards" | "rows" | "pictures" | "page";

export function Skeleton({ kind, count = 6 }: { kind: SkeletonKind; count?: number }) {
  const bones = Array.from({ length: count }, (_, i) => <i key={i} />);
  return (
    <div class={`skeleton ${kind}`} role="status" aria-label="Loading">
      {kind === "page" ? (
        <>
          <i class="bone-title" />
          <i class="bone-line" />
          <i class="bone-block" />
        </>
      ) : (
        bones
      )}
    </div>
  );
}

/** An answer that came before stays on the page while a later question fails: the refusal stands above it. */
export function Pending<T>(props: {
  reply: Reply<T>;
  skeleton: SkeletonKind;
  count?: number;
  missing?: string;
  /** What to say and where to lead instead of a page that does not exist. */
  instead?: { text: string; label: string; href: string };
  children: (value: T) => ComponentChildren;
}) {
  const { value, problem, reload } = props.reply;
  if (problem?.status === 404 && props.missing)
    return (
      <EmptyState
        title={props.missing}
        text={props.instead?.text ?? "It may have been removed, or the address has a slip."}
        action={props.instead ?? { label: "Home", href: "/" }}
      />
    );
  if (value === null)
    return problem ? (
      <ProblemNotice problem={problem} retry={() => void reload()} />
    ) : (
      <Skeleton kind={props.skeleton} {...(props.count ? { count: props.count } : {})} />
    );
  return (
    <>
      {problem && <ProblemNotice problem={problem} retry={() => void reload()} />}
      {props.children(value)}
    </>
  );
}
