// Types of the portal's HTTP interface, in the shape openapi-typescript writes.

type Json<T> = { content: { "application/json": T } };
type Empty = { content?: never };
type Fail = { content: { "application/problem+json": components["schemas"]["Problem"] } };
type Answers<Status extends number, T> = { [Code in Status]: T extends void ? Empty : Json<T> } & { default: Fail };
type NoParameters = { query?: never; header?: never; path?: never; cookie?: never };
type Parameters<Path, Query> = { query?: Query; header?: never; cookie?: never } & ([Path] extends [never] ? { path?: never } : { path: Path });

type Get<T, Path = never, Query = never> = { parameters: Parameters<Path, Query>; requestBody?: never; responses: Answers<200, T> };
type Act<Status extends number, T, Path = never> = { parameters: Parameters<Path, never>; requestBody?: never; responses: Answers<Status, T> };
type Send<Status extends number, Body, T, Path = never> = {
  parameters: Omit<Parameters<Path, never>, "header"> & { header?: { "Idempotency-Key"?: string } };
  requestBody: { content: { "application/json": Body } };
  responses: Answers<Status, T>;
};
type Page<T> = { items: T[]; next_cursor: string | null };
type S = components["schemas"];
type ById = { id: string };

export interface paths {
  "/api/v1/site": { parameters: NoParameters; get: Get<S["Site"]> };
  "/api/v1/session": {
    parameters: NoParameters;
    get: Get<S["Session"]>;
    post: Send<200, S["SignIn"], S["Session"]>;
    delete: Act<204, void>;
  };
  "/api/v1/sessions": { parameters: NoParameters; get: Get<Page<S["SessionItem"]>>; delete: Act<204, void> };
  "/api/v1/sessions/{id}": { parameters: NoParameters; delete: Act<204, void, ById> };
  "/api/v1/password": { parameters: NoParameters; put: Send<204, S["ChangePassword"], void> };
  "/api/v1/tokens": { parameters: NoParameters; get: Get<Page<S["Token"]>>; post: Send<201, S["CreateToken"], S["NewToken"]> };
  "/api/v1/tokens/{id}": { parameters: NoParameters; delete: Act<204, void, ById> };
  "/api/v1/contract": { parameters: NoParameters; get: Get<S["ContractView"]> };
  "/api/v1/templates": { parameters: NoParameters; get: Get<Page<S["Template"]>> };
  "/api/v1/apps": { parameters: NoParameters; get: Get<Page<S["App"]>>; post: Send<202, S["CreateApp"], S["App"]> };
  "/api/v1/apps/{id}": {
    parameters: NoParameters;
    get: Get<S["App"], ById>;
    patch: Send<200, S["RenameApp"], S["App"], ById>;
    delete: Act<202, S["App"], ById>;
  };
  "/api/v1/apps/{id}/stop": { parameters: NoParameters; post: Act<202, S["App"], ById> };
  "/api/v1/apps/{id}/start": { parameters: NoParameters; post: Act<202, S["App"], ById> };
  "/api/v1/apps/{id}/log": { parameters: NoParameters; get: Get<S["Chunk"], ById, { offset?: number; limit?: number }> };
  "/api/v1/files/roots": { parameters: NoParameters; get: Get<Page<S["Root"]>> };
  "/api/v1/files/entries": { parameters: NoParameters; get: Get<{ path: string } & Page<S["Entry"]>, never, { path: string; cursor?: string; limit?: number }> };
  "/api/v1/files/folders": { parameters: NoParameters; post: Send<201, { path: string }, S["Entry"]> };
  "/api/v1/files/move": { parameters: NoParameters; post: Send<200, { from: string; to: string; overwrite?: boolean }, S["Entry"]> };
  "/api/v1/files/remove": { parameters: NoParameters; post: Send<204, { paths: string[] }, void> };
  "/api/v1/files/uploads": { parameters: NoParameters; get: Get<Page<S["Upload"]>> };
  "/api/v1/files/uploads/{id}": { parameters: NoParameters; delete: Act<204, void, ById> };
  "/api/v1/systems": { parameters: NoParameters; get: Get<Page<S["System"]>> };
  "/api/v1/systems/{system}/queues": { parameters: NoParameters; get: Get<Page<S["Queue"]>, { system: string }> };
  "/api/v1/systems/{system}/script-templates": { parameters: NoParameters; get: Get<Page<S["ScriptTemplate"]>, { system: string }> };
  "/api/v1/systems/{system}/script": { parameters: NoParameters; post: Send<200, { form: S["JobForm"] }, S["Rendered"], { system: string }> };
  "/api/v1/systems/{system}/script/parse": { parameters: NoParameters; post: Send<200, { script: string }, S["ParsedScript"], { system: string }> };
  "/api/v1/systems/{system}/jobs": { parameters: NoParameters; post: Send<202, { script: string; work_dir: string }, S["Job"], { system: string }> };
  "/api/v1/jobs/{id}": { parameters: NoParameters; get: Get<S["Job"], ById> };
  "/api/v1/jobs/{id}/script": { parameters: NoParameters; get: Get<{ script: string }, ById> };
  "/api/v1/jobs/{id}/output": { parameters: NoParameters; get: Get<S["Chunk"], ById, { stream?: "stdout" | "stderr"; offset?: number; limit?: number }> };
  "/api/v1/jobs/{id}/cancel": { parameters: NoParameters; post: Act<202, S["Job"], ById> };
  "/api/v1/jobs/{id}/hold": { parameters: NoParameters; post: Act<202, S["Job"], ById> };
  "/api/v1/jobs/{id}/release": { parameters: NoParameters; post: Act<202, S["Job"], ById> };
  "/api/v1/jobs/{id}/resubmit": { parameters: NoParameters; post: Act<202, S["Job"], ById> };
  "/api/v1/jobs": { parameters: NoParameters; get: Get<Page<S["Job"]>, never, { state?: "active" | "ended" | "all"; limit?: number; cursor?: string }> };
}

export interface components {
  schemas: {
    Problem: {
      type: string;
      title: string;
      status: number;
      detail: string;
      code: string;
      params: Record<string, unknown>;
      fields: S["FieldProblem"][];
      request_id: string;
    };
    FieldProblem: { field: string; code: string; params: Record<string, unknown>; detail: string };
    Text: { en: string; ko: string };
    Site: { name: S["Text"]; version: string; sign_in: { id: string; kind: string; title: S["Text"] }[] };
    SignIn: { name: string; password: string };
    Session: { user: S["SessionUser"]; csrf_token: string | null; session_id: string | null; expires_at: string };
    SessionUser: {
      id: string;
      name: string;
      display_name: string;
      uid: number;
      gid: number;
      groups: { gid: number; name: string }[];
      home: string;
    };
    SessionItem: {
      id: string;
      current: boolean;
      created_at: string;
      last_used_at: string;
      address: string;
      user_agent: string;
    };
    ChangePassword: { current: string; new: string };
    Token: { id: string; name: string; created_at: string; expires_at: string | null; last_used_at: string | null };
    CreateToken: { name: string; expires_in_days: number };
    NewToken: { id: string; name: string; token: string; expires_at: string | null };
    Resources: { cpu_millis: number; memory_bytes: number; gpus: number };
    Contract: { starts_at: string; ends_at: string; limits: S["Resources"]; budget_sru_hours: number | null };
    ContractView: { contract: S["Contract"] | null; in_use: S["Resources"]; machine: S["Resources"] };
    Template: {
      id: string;
      title: S["Text"];
      summary: S["Text"];
      icon: string;
      available: boolean;
      version: string | null;
      missing: { what: string; how: S["Text"] }[];
      defaults: S["Resources"];
      fields: S["TemplateField"][];
    };
    TemplateField: {
      id: string;
      label: S["Text"];
      help: S["Text"] | null;
      kind: "text" | "multiline" | "number" | "choice" | "toggle" | "path";
      default: string | null;
      required: boolean;
      choices: { value: string; label: S["Text"] }[];
      min: number | null;
      max: number | null;
      max_length: number | null;
      pattern: string | null;
    };
    AppPhase: "starting" | "ready" | "stopping" | "stopped" | "failed" | "deleted";
    Step: "accepted" | "placed" | "image_ready" | "started" | "answering";
    StepRecord: { step: S["Step"]; at: string; source: string };
    Failure: { code: string; params: Record<string, unknown>; detail: string; log_tail: string[] };
    App: {
      id: string;
      owner: string;
      name: string;
      template: string;
      runtime: string;
      phase: S["AppPhase"];
      steps: S["StepRecord"][];
      failure: S["Failure"] | null;
      resources: S["Resources"];
      limits_by: string | null;
      values: Record<string, string>;
      generation: number;
      created_at: string;
      launched_at: string;
      ended_at: string | null;
      revision: number;
      origin: string;
    };
    CreateApp: { template: string; name: string; resources: S["Resources"]; values: Record<string, string> };
    RenameApp: { name: string };
    Chunk: { offset: number; next_offset: number; size_bytes: number; text: string; ended: boolean };
    EntryKind: "file" | "folder" | "link" | "other";
    Entry: {
      name: string;
      path: string;
      kind: S["EntryKind"];
      size_bytes: number;
      modified_at: string;
      mode: number;
      target_kind?: S["EntryKind"] | null;
    };
    Root: { id: string; title: S["Text"]; path: string; total_bytes?: number | null; free_bytes?: number | null };
    Upload: { id: string; path: string; size_bytes: number; offset_bytes: number; created_at: string };
    System: {
      id: string;
      title: S["Text"];
      scheduler: string;
      version: string;
      state: "up" | "down";
      capabilities: { hold: boolean; memory: boolean; several_nodes: boolean };
      observed_at?: string | null;
    };
    Queue: {
      name: string;
      title: S["Text"];
      is_default: boolean;
      open: boolean;
      limits: {
        max_nodes: number;
        max_tasks_per_node: number;
        max_cpus_per_task: number;
        max_cpus_per_node: number;
        max_gpus_per_node: number;
        max_memory_bytes: number;
        max_walltime_secs: number;
      };
      defaults: { walltime_secs: number; memory_bytes?: number | null };
      load: { slots_total: number; slots_used: number; jobs_running: number; jobs_queued: number };
    };
    JobForm: {
      name: string;
      queue: string;
      nodes: number;
      tasks_per_node: number;
      cpus_per_task: number;
      gpus_per_node: number;
      memory_bytes?: number | null;
      walltime_secs: number;
      work_dir: string;
      inputs: string[];
      command: string;
      stdout_name: string;
      stderr_name: string;
      shebang: string;
      other_lines: string;
    };
    Rendered: { directives: string; body: string; script: string; problems: S["FieldProblem"][] };
    ParsedScript: { form: S["JobForm"]; directives: string; body: string; problems: S["FieldProblem"][] };
    ScriptTemplate: { id: string; title: S["Text"]; form: S["JobForm"]; body?: string };
    JobReason: { code: string; params: Record<string, unknown>; detail: string };
    JobSize: {
      nodes: number;
      tasks_per_node: number;
      cpus_per_task: number;
      gpus_per_node: number;
      memory_bytes: number | null;
      walltime_secs: number;
    };
    Job: {
      id: string;
      owner: string;
      system: string;
      scheduler_id: string | null;
      queue: string;
      name: string;
      phase: string;
      outcome: string | null;
      exit_code: number | null;
      reason: S["JobReason"] | null;
      size: S["JobSize"];
      work_dir: string;
      stdout_path: string;
      stderr_path: string;
      submitted_at: string;
      started_at: string | null;
      ended_at: string | null;
      revision: number;
    };
  };
}
