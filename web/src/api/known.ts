// Names of the committed document that identity.ts adds to.

import type { components } from "./schema";

type Schemas = components["schemas"];

export type NewToken = Schemas["CreatedToken"];
export type Session = Schemas["Session"];
export type SessionItem = Schemas["SessionEntry"];
export type Site = Schemas["SiteView"];
export type Text = Schemas["Translated"];
export type Token = Schemas["TokenEntry"];
