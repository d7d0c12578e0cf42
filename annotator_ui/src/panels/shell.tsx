/** The frame of every page but the workbench: brand, navigation, the person. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { may, person, signOut } from "../session/people";
import { Mark } from "./mark";
import { navigate, path } from "./router";
import { navigation } from "./routes";

async function leave(): Promise<void> {
  await signOut();
  navigate("/sign-in");
}

function Who() {
  const who = person.value;
  if (!who)
    return (
      <a class="button quiet" href="/sign-in">
        Sign in
      </a>
    );
  const name = who.display_name || who.username;
  return (
    <div class="who">
      <span class="avatar" aria-hidden="true">
        {name.slice(0, 1).toUpperCase()}
      </span>
      <span class="who-name">
        {name}
        <small>{who.role}</small>
      </span>
      <button type="button" class="button quiet small" onClick={() => void leave()}>
        Sign out
      </button>
    </div>
  );
}

export function Shell({ children }: { children: ComponentChildren }) {
  const here = path.value;
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a phone the entries scroll sideways: the one for this page stays in sight.
    const current = nav.current?.querySelector<HTMLElement>("[aria-current]");
    if (nav.current && current) nav.current.scrollLeft = current.offsetLeft - (nav.current.clientWidth - current.clientWidth) / 2;
  }, [here]);
  return (
    <div class="shell">
      <a class="skip" href="#content">
        Skip to content
      </a>
      <header class="shell-bar">
        <a class="brand" href="/">
          <Mark />
          <span>Cell Commons</span>
        </a>
        <nav aria-label="Main" ref={nav}>
          {navigation
            .filter((entry) => entry.role === "anyone" || may(entry.role))
            .map((entry) => {
              const current = entry.href === "/" ? here === "/" : here === entry.href || here.startsWith(`${entry.href}/`);
              return (
                <a key={entry.href} href={entry.href} {...(current ? { "aria-current": "page" as const } : {})}>
                  {entry.label}
                </a>
              );
            })}
        </nav>
        <Who />
      </header>
      <main id="content" class="page" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}
