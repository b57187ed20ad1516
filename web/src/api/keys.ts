// The names under which answers are kept; every key of a resource begins with the same word.

export const keys = {
  site: ["site"] as const,
  contract: ["contract"] as const,
  templates: ["templates"] as const,
  apps: ["apps"] as const,
  appList: ["apps", "list"] as const,
  app: (id: string) => ["apps", "one", id] as const,
  jobs: ["jobs"] as const,
  jobsNow: ["jobs", "now"] as const,
  jobList: (state: string) => ["jobs", "list", state] as const,
  job: (id: string) => ["jobs", "one", id] as const,
  jobScript: (id: string) => ["jobs", "script", id] as const,
  systems: ["systems"] as const,
  queues: (system: string) => ["systems", system, "queues"] as const,
  scriptTemplates: (system: string) => ["systems", system, "templates"] as const,
  roots: ["files", "roots"] as const,
  folder: (path: string) => ["files", "folder", path] as const,
  uploads: ["files", "uploads"] as const,
  sessions: ["sessions"] as const,
  tokens: ["tokens"] as const,
};
