/** The annotation workbench of one campaign. */

import { EmptyState } from "../feedback";

export default function Workbench({ params }: { params: Record<string, string> }) {
  return <EmptyState title={`Campaign ${params["slug"]}`} fill />;
}
