/** Names for the generated types that the rest of the interface speaks of. */

import type { components } from "./schema";

type Schemas = components["schemas"];
export type Me = Schemas["Me"];
export type Person = Schemas["Person"];
export type Campaign = Schemas["Campaign"];
export type HubImage = Schemas["Image"];
export type Assignment = Schemas["Assignment"];
export type Edit = Schemas["Edit"];
export type EditTile = Schemas["Tile"];
