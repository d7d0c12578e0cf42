/** The head of a page: where it lies, its title, what it is, and what one can do here. */

import type { ComponentChildren } from "preact";
import "../../styles/pages.css";
import "../../styles/pages-parts.css";
import "../../styles/pages-tasks.css";
import "../../styles/pages-imports.css";
import "../../styles/pages-releases.css";

export interface Crumb {
  href: string;
  label: string;
}

export function PageHead(props: {
  title: ComponentChildren;
  crumbs?: readonly Crumb[];
  badge?: ComponentChildren;
  lead?: ComponentChildren;
  children?: ComponentChildren;
}) {
  return (
    <header class="page-head">
      <div class="page-title">
        {props.crumbs && (
          <nav class="crumbs" aria-label="Breadcrumb">
            {props.crumbs.map((crumb) => (
              <a key={crumb.href} href={crumb.href}>
                {crumb.label}
              </a>
            ))}
          </nav>
        )}
        <div class="row">
          <h1>{props.title}</h1>
          {props.badge}
        </div>
        {props.lead && <p class="lead">{props.lead}</p>}
      </div>
      {props.children && <div class="page-actions">{props.children}</div>}
    </header>
  );
}

/** A titled part of a page. */
export function Section(props: { title: string; aside?: ComponentChildren; id?: string; children: ComponentChildren }) {
  return (
    <section class="section" {...(props.id ? { id: props.id } : {})}>
      <header class="section-head">
        <h2>{props.title}</h2>
        {props.aside}
      </header>
      {props.children}
    </section>
  );
}

/** Name and value pairs. */
export function Facts({ rows }: { rows: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** One large number with its meaning. */
export function Figure({ value, label, note }: { value: ComponentChildren; label: string; note?: ComponentChildren }) {
  return (
    <div class="figure">
      <strong>{value}</strong>
      <span>{label}</span>
      {note && <small>{note}</small>}
    </div>
  );
}
