/** The annotation workbench of one campaign: one image after the other until nothing is left. */

import { useEffect, useMemo } from "preact/hooks";
import { nameIn } from "../../session/names";
import { sessionExpired } from "../../session/people";
import { Workbench } from "../../session/workbench";
import { EmptyState, ProblemNotice, Spinner } from "../feedback";
import { MODES } from "./modes/registry";
import "../styles/workbench.css";

export default function WorkbenchPage({ params }: { params: Record<string, string> }) {
  const workbench = useMemo(() => new Workbench(nameIn(params)), []);
  useEffect(() => {
    void workbench.open();
    const signedInAgain = sessionExpired.subscribe((expired) => {
      if (!expired && workbench.phase.value.kind === "failed") void workbench.open();
    });
    return () => {
      signedInAgain();
      workbench.close();
    };
  }, []);

  const phase = workbench.phase.value;
  switch (phase.kind) {
    case "opening":
      return <Spinner label={workbench.done.value > 0 ? "Fetching the next image" : "Fetching your image"} fill />;
    case "working": {
      const { assignment } = phase.session;
      const Mode = MODES[assignment.task];
      if (Mode) return <Mode key={assignment.id} workbench={workbench} session={phase.session} />;
      return (
        <EmptyState
          fill
          title="This browser cannot open this kind of work"
          text={`The campaign's task is ${assignment.task.replace("_", " ")}, which this page does not know. Reload it; the hub may be newer than the page.`}
          action={{ label: "Home", href: "/" }}
        />
      );
    }
    case "nothing-left":
      return (
        <EmptyState
          fill
          title="Nothing left for you in this campaign – thank you"
          text={
            workbench.done.value > 0
              ? `You handed in ${workbench.done.value === 1 ? "one image" : `${workbench.done.value} images`} this sitting. Others read the same images blind to you; what you agree on becomes training data.`
              : "Every image has the readings it needs, or you have read it already."
          }
          action={{ label: "Other campaigns", href: "/" }}
          second={{ label: "Look again", run: () => void workbench.open() }}
        />
      );
    case "elsewhere":
      return (
        <EmptyState
          fill
          title="This image is open in another tab"
          text="Only one tab works on an image at a time, so that strokes never mix. Nothing is lost by going on here."
          action={{ label: "Go on here", run: () => void workbench.open(true) }}
          second={{ label: "Home", href: "/" }}
        />
      );
    case "failed":
      return (
        <div class="fill bench-failed">
          <ProblemNotice problem={phase.problem} retry={() => void workbench.open()} />
          <a class="button quiet" href="/">
            Home
          </a>
        </div>
      );
  }
}
