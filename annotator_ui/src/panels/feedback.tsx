/** What pages say when there is nothing, something is coming, or something went wrong. */

import type { ComponentChildren } from "preact";
import type { Problem } from "../api/problem";

type Action = { label: string; href: string } | { label: string; run: () => void };

function ActionButton({ action, primary }: { action: Action; primary?: boolean }) {
  const look = primary ? "button primary" : "button";
  return "href" in action ? (
    <a class={look} href={action.href}>
      {action.label}
    </a>
  ) : (
    <button type="button" class={look} onClick={action.run}>
      {action.label}
    </button>
  );
}

export function Spinner({ label, fill }: { label: string; fill?: boolean }) {
  return (
    <div class={fill ? "waiting fill" : "waiting"} role="status">
      <span class="spinner" aria-hidden="true" />
      {label}
    </div>
  );
}

/** A page or panel with nothing to list: says why, and what to do. */
export function EmptyState(props: {
  title: string;
  text?: ComponentChildren;
  action?: Action;
  second?: Action;
  fill?: boolean;
}) {
  return (
    <section class={props.fill ? "empty fill" : "empty"}>
      <svg width="72" height="56" viewBox="0 0 72 56" aria-hidden="true" class="empty-art">
        <ellipse cx="27" cy="29" rx="17" ry="20" transform="rotate(-18 27 29)" />
        <ellipse cx="50" cy="20" rx="10" ry="12" transform="rotate(24 50 20)" />
        <ellipse cx="53" cy="42" rx="8" ry="7" />
        <circle cx="25" cy="30" r="4" class="dot" />
      </svg>
      <h1>{props.title}</h1>
      {props.text && <p>{props.text}</p>}
      {(props.action || props.second) && (
        <div class="row centre">
          {props.action && <ActionButton action={props.action} primary />}
          {props.second && <ActionButton action={props.second} />}
        </div>
      )}
    </section>
  );
}

export function Notice({ tone, title, text, children }: {
  tone: "info" | "good" | "warn" | "bad";
  title: string;
  text?: string;
  children?: ComponentChildren;
}) {
  return (
    <div class={`notice ${tone}`} role={tone === "bad" || tone === "warn" ? "alert" : "status"}>
      <strong>{title}</strong>
      {text && <p>{text}</p>}
      {children}
    </div>
  );
}

/** A refusal of the hub: what, where, and the remedy it names. */
export function ProblemNotice({ problem, retry }: { problem: Problem; retry?: () => void }) {
  const detail = problem.detail && problem.detail !== problem.title ? problem.detail : "";
  return (
    <Notice tone="bad" title={problem.title}>
      {detail && <p>{detail}</p>}
      {problem.where && <p class="dim">Where: {problem.where}</p>}
      {problem.remedy && <p>{problem.remedy}</p>}
      {retry && (
        <button type="button" class="button small" onClick={retry}>
          Try again
        </button>
      )}
    </Notice>
  );
}
