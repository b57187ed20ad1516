// The names that features use for what the portal sends and takes.

import type { components } from "./schema";

type Schemas = components["schemas"];

export type App = Schemas["AppView"];
export type AppPhase = Schemas["AppPhase"];
export type Chunk = Schemas["Chunk"];
export type Contract = Schemas["Contract"];
export type ContractView = Schemas["ContractView"];
export type CreateApp = Schemas["LaunchRequest"];
export type Entry = Schemas["Entry"];
export type FieldProblem = Schemas["FieldProblem"];
export type Job = Schemas["Job"];
export type JobArray = Schemas["JobArray"];
export type JobTask = Schemas["JobTask"];
export type NewToken = Schemas["CreatedToken"];
export type PasswordChange = Schemas["PasswordChange"];
export type Problem = Schemas["Problem"];
export type Root = Schemas["Root"];
export type Resources = Schemas["Resources"];
export type Step = Schemas["Step"];
export type Template = Schemas["TemplateView"];
export type Registry = Schemas["RegistryView"];
export type TemplateField = Schemas["Field"];
export type Text = Schemas["Translated"];
export type Upload = Schemas["Upload"];
export type JobForm = Schemas["JobForm"];
export type ParsedScript = Schemas["ParsedScript"];
export type Queue = Schemas["Queue"];
export type SiteOption = Schemas["SiteOption"];
export type OptionField = Schemas["OptionField"];
export type Rendered = Schemas["Rendered"];
export type ScriptTemplate = Schemas["ScriptTemplate"];
export type System = Schemas["SystemView"];

export type {
  Activity,
  AuditQuery,
  AuditRecord,
  DeviceRequest,
  Enrolment,
  Factor,
  Factors,
  NewNotice,
  Notice,
  Passkey,
  Person,
  PersonProfile,
  Preferences,
  Role,
  Scope,
  Session,
  SessionItem,
  SignInStep,
  Site,
  SiteSystem,
  Token,
  TokenRequest,
  Way,
} from "./identity";
