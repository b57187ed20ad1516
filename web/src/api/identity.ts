// What the portal sends and takes about people and their ways in.

import type { components, paths } from "./schema";
import type { Session as KnownSession, SessionItem as KnownSessionItem, Site as KnownSite, Text, Token as KnownToken } from "./known";

type Schemas = components["schemas"];

export type Role = "user" | "project_leader" | "support" | "operator";
export type Scope = "read" | "apps" | "jobs" | "files" | "admin";

export type Session = KnownSession & {
  role?: Role;
  /** The way she signed in: the id of one of the site's ways. */
  provider?: string;
  /** When the session ends if nobody uses it; null with an API token. */
  idle_ends_at?: string | null;
};

export interface Way {
  id: string;
  kind: "password" | "redirect";
  title: Text;
  available: boolean;
  /** Where a redirect begins. */
  start: string | null;
}

export type Notice = Schemas["Notice"];
export type NewNotice = Schemas["NewNotice"];
export type SiteSystem = Schemas["SiteSystem"];

export type Site = Omit<KnownSite, "sign_in"> & { sign_in: Way[] };

export type Factor = "totp" | "recovery_code" | "passkey";

export interface SignInStep {
  step: "factor" | "enrolment";
  factors: Factor[];
  expires_at: string;
}

export interface Enrolment {
  secret: string;
  uri: string;
  qr_svg: string;
}

export interface Passkey {
  id: string;
  name: string;
  created_at: string;
  last_used_at: string | null;
}

export interface Factors {
  totp: { enrolled_at: string } | null;
  recovery_codes_left: number;
  passkeys: Passkey[];
  required: boolean;
}

export type SessionItem = KnownSessionItem & { provider?: string };
export type Token = KnownToken & { scopes?: Scope[]; networks?: string[]; last_used_address?: string | null };

export interface TokenRequest {
  name: string;
  expires_in_days: number;
  scopes: Scope[];
  networks: string[];
}

export interface DeviceRequest {
  client_name: string;
  address: string;
  created_at: string;
  expires_at: string;
  scopes: Scope[];
  expires_in_days: number;
}

export interface Preferences {
  apps_at_sign_out: "keep" | "stop";
}

export interface Person {
  id: string;
  name: string;
  display_name: string;
  uid: number;
  provider: string;
  role: Role;
  /** An operator locked her, or her directory shut her out. */
  locked: boolean;
}

export interface PersonSession {
  id: string;
  created_at: string;
  last_used_at: string;
  expires_at: string;
  address: string;
  user_agent: string;
}

export interface PersonProfile extends Person {
  gid: number;
  groups: { name: string; gid: number }[];
  home: string;
  shell: string;
  created_at: string;
  refreshed_at: string | null;
  locked_by_operator: boolean;
  lock_reason: string | null;
  shut_out_reason: string | null;
  sessions: PersonSession[];
  tokens: number;
  factors: { totp_since: string | null; recovery_codes_left: number; passkeys: number; required: boolean };
}

export interface Activity {
  apps: { id: string; name: string; template: string; phase: Schemas["AppPhase"]; since: string }[];
  jobs: { id: string; name: string; system: string; queue: string; phase: Schemas["JobPhase"]; outcome: Schemas["Outcome"] | null; since: string }[];
}

export interface AuditRecord {
  id: number;
  at: string;
  actor: string;
  action: string;
  object: string;
  address: string;
  /** `done`, or the code of the refusal; null while, or because, it did not end. */
  outcome: string | null;
  ended_at: string | null;
}

export interface AuditQuery {
  actor?: string;
  action?: string;
  object?: string;
  outcome?: string;
  from?: string;
  to?: string;
}

interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}

interface Call<Answer, Body = never, Path = never, Query = never> {
  parameters: { query?: Query; header?: never; path: Path; cookie?: never };
  requestBody?: [Body] extends [never] ? never : { content: { "application/json": Body } };
  responses: { 200: { headers: Record<string, unknown>; content: { "application/json": Answer } } };
}

type Plain<Answer, Body = never, Query = never> = Omit<Call<Answer, Body>, "parameters" | "requestBody"> & {
  parameters: { query?: Query; header?: never; path?: never; cookie?: never };
} & ([Body] extends [never] ? { requestBody?: never } : { requestBody: { content: { "application/json": Body } } });

interface ById {
  id: string;
}

interface IdentityPaths {
  "/api/v1/site": { get: Plain<Site> };
  "/api/v1/session": {
    get: Plain<Session>;
    post: Plain<Session | SignInStep, { provider?: string; name: string; password: string }>;
    delete: Plain<{ continue_at: string } | undefined>;
  };
  "/api/v1/session/extend": { post: Plain<Session> };
  "/api/v1/sign-in": { get: Plain<SignInStep>; delete: Plain<undefined> };
  "/api/v1/sign-in/totp": { post: Plain<Session, { code: string }> };
  "/api/v1/sign-in/recovery-code": { post: Plain<Session, { code: string }> };
  "/api/v1/sign-in/passkey/options": { post: Plain<{ publicKey: unknown }> };
  "/api/v1/sign-in/passkey": { post: Plain<Session, { credential: unknown }> };
  "/api/v1/sign-in/enrolment": { post: Plain<Enrolment> };
  "/api/v1/sign-in/enrolment/confirm": { post: Plain<{ session: Session; recovery_codes: string[] }, { code: string }> };
  "/api/v1/factors": { get: Plain<Factors> };
  "/api/v1/factors/totp": { post: Plain<Enrolment, { password: string }> };
  "/api/v1/factors/totp/confirm": { post: Plain<{ recovery_codes: string[] }, { code: string }> };
  "/api/v1/factors/totp/remove": { post: Plain<undefined, { code: string }> };
  "/api/v1/factors/recovery-codes": { post: Plain<{ recovery_codes: string[] }, { code: string }> };
  "/api/v1/factors/passkeys/options": { post: Plain<{ publicKey: unknown }, { name: string }> };
  "/api/v1/factors/passkeys": { post: Plain<Passkey & { recovery_codes: string[] }, { credential: unknown }> };
  "/api/v1/factors/passkeys/{id}": { delete: Call<undefined, never, ById> };
  "/api/v1/sessions": { get: Plain<{ items: SessionItem[] }>; delete: Plain<{ continue_at: string } | undefined> };
  "/api/v1/tokens": { get: Plain<{ items: Token[] }>; post: Plain<import("./known").NewToken, TokenRequest> };
  "/api/v1/preferences": { get: Plain<Preferences>; put: Plain<Preferences, Preferences> };
  "/api/v1/device/{user_code}": { get: Call<DeviceRequest, never, { user_code: string }> };
  "/api/v1/device/{user_code}/approve": { post: Call<undefined, never, { user_code: string }> };
  "/api/v1/device/{user_code}/deny": { post: Call<undefined, never, { user_code: string }> };
  "/api/v1/users": { get: Plain<Page<Person>, never, { query?: string; cursor?: string }> };
  "/api/v1/users/{id}": { get: Call<PersonProfile, never, ById> };
  "/api/v1/users/{id}/lock": { post: Call<PersonProfile, { reason?: string }, ById> };
  "/api/v1/users/{id}/unlock": { post: Call<PersonProfile, never, ById> };
  "/api/v1/users/{id}/end-sessions": { post: Call<PersonProfile, never, ById> };
  "/api/v1/users/{id}/reset-factor": { post: Call<PersonProfile, never, ById> };
  "/api/v1/users/{id}/activity": { get: Call<Activity, never, ById> };
  "/api/v1/audit": { get: Plain<Page<AuditRecord>, never, AuditQuery & { cursor?: string }> };
}

export type Paths = Omit<paths, keyof IdentityPaths> & IdentityPaths;
