/** The whole page: who is here, which route, and the frame around it. */

import { useEffect } from "preact/hooks";
import { findPresence, may, person, presence, sessionExpired } from "../session/people";
import { EmptyState, Notice, Spinner } from "./feedback";
import { matchPath, path, usePage } from "./router";
import { routes } from "./routes";
import { Shell } from "./shell";
import { SignInDialog, SignInPage } from "./sign-in";

function Current() {
  const match = matchPath(routes, path.value);
  const page = usePage(match?.route ?? null);
  useEffect(() => {
    document.title = match ? `${match.route.title} · Cell Commons` : "Cell Commons";
  }, [match?.route]);

  if (presence.value.kind === "unknown") return <Spinner label="Opening the hub" fill />;
  if (presence.value.kind === "unreachable")
    return (
      <EmptyState
        title="The hub does not answer"
        text="It may be starting, or the network is down."
        action={{ label: "Try again", run: () => void findPresence() }}
        fill
      />
    );
  if (path.value === "/sign-in") return <SignInPage />;
  if (!match)
    return (
      <Shell>
        <EmptyState title="Nothing lives here" text="This address is not a page of the hub." action={{ label: "Home", href: "/" }} />
      </Shell>
    );
  const { route, params } = match;
  if (route.role !== "anyone") {
    if (!person.value) return <SignInPage />;
    if (!may(route.role))
      return (
        <Shell>
          <EmptyState
            title={`This page is for ${route.role}s`}
            text={`You are signed in as ${person.value.display_name || person.value.username}. A curator can change your role.`}
            action={{ label: "Home", href: "/" }}
          />
        </Shell>
      );
  }
  const body =
    page.kind === "loading" ? (
      <Spinner label="Loading" fill={route.frame === "full"} />
    ) : page.kind === "failed" ? (
      <Notice tone="bad" title="This page could not be loaded" text="The network is down, or the hub was updated. Reload the page." />
    ) : (
      <page.Page params={params} key={path.value} />
    );
  return route.frame === "full" ? body : <Shell>{body}</Shell>;
}

export function App() {
  return (
    <>
      <Current />
      {sessionExpired.value && path.value !== "/sign-in" && <SignInDialog />}
    </>
  );
}
