/** Classification: of the whole image, or of the cells or boxes given in it. */

import { EmptyState } from "../../feedback";
import { givenSubjects } from "../../../session/subjects";
import type { ModeProps } from "../frame";
import { GivenSubjects } from "./given-subjects";
import { WholeImage } from "./whole-image";

export function Classification(props: ModeProps) {
  const { session } = props;
  if (!session.ontology)
    return <EmptyState fill title="This campaign names no classes" text="Tell a curator." action={{ label: "Home", href: "/" }} />;
  const given = givenSubjects(session.given.value);
  return given ? <GivenSubjects {...props} classes={session.ontology} given={given} /> : <WholeImage {...props} classes={session.ontology} />;
}
