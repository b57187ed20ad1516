// The batch form as it is being filled in; kept in this browser for its person, so that nothing typed is lost.

import { dropPersonal, keepPersonal, readPersonal } from "../../../api/personal";
import type { JobForm, Queue, SiteOption } from "../../../api/types";

const KEPT_AS = "job-draft";

export const EMPTY_FORM: JobForm = {
  name: "job",
  queue: "",
  nodes: 1,
  tasks_per_node: 1,
  cpus_per_task: 1,
  gpus_per_node: 0,
  memory_bytes: null,
  walltime_secs: 3600,
  work_dir: "home",
  inputs: [],
  command: "",
  stdout_name: "%x-%j.out",
  stderr_name: "",
  options: {},
  shebang: "#!/bin/bash",
  head: null,
};

export function loadDraft(): JobForm {
  try {
    const kept: unknown = JSON.parse(readPersonal(KEPT_AS) ?? "null");
    return typeof kept === "object" && kept !== null ? { ...EMPTY_FORM, ...(kept as Partial<JobForm>) } : EMPTY_FORM;
  } catch {
    return EMPTY_FORM;
  }
}

export function keepDraft(form: JobForm): void {
  keepPersonal(KEPT_AS, JSON.stringify(form));
}

export function dropDraft(): void {
  dropPersonal(KEPT_AS);
}

/** The values of the site's fields that were submitted last on a system. */
export function lastOptions(system: string): Record<string, string> {
  try {
    const kept: unknown = JSON.parse(readPersonal(`job-options-${system}`) ?? "null");
    const pairs = typeof kept === "object" && kept !== null ? Object.entries(kept) : [];
    return Object.fromEntries(pairs.filter((pair): pair is [string, string] => typeof pair[1] === "string"));
  } catch {
    return {};
  }
}

/** Those of the values for which the system has fields. */
export function optionsOf(siteOptions: readonly SiteOption[], values: Record<string, string>): Record<string, string> {
  const ids = siteOptions.flatMap(({ fields }) => fields.map(({ id }) => id));
  return Object.fromEntries(Object.entries(values).filter(([id]) => ids.includes(id)));
}

export function keepOptions(system: string, options: Record<string, string>): void {
  keepPersonal(`job-options-${system}`, JSON.stringify(options));
}

export interface Range {
  min: number;
  max: number;
}

/** What the chosen queue allows for each number of the form. */
export function rangesOf(queue: Queue | undefined): Partial<Record<keyof JobForm, Range>> {
  if (!queue) return {};
  const { limits } = queue;
  return {
    nodes: { min: 1, max: limits.max_nodes },
    tasks_per_node: { min: 1, max: limits.max_tasks_per_node },
    cpus_per_task: { min: 1, max: limits.max_cpus_per_task },
    gpus_per_node: { min: 0, max: limits.max_gpus_per_node },
    memory_bytes: { min: 1, max: limits.max_memory_bytes },
    walltime_secs: { min: 1, max: limits.max_walltime_secs ?? Number.POSITIVE_INFINITY },
  };
}

const CLOCK = /^(?:(\d{1,3})-)?(\d{1,4}):([0-5]?\d)(?::([0-5]?\d))?$/;

/** `1:30:00`, `1:30` (hours and minutes) or `2-00:00:00` as seconds; null when it is none. */
export function parseWalltime(text: string): number | null {
  const found = CLOCK.exec(text.trim());
  if (!found) return null;
  const [days, hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0)) as [number, number, number, number];
  return days * 86_400 + hours * 3_600 + minutes * 60 + seconds;
}

/** Seconds as `HH:MM:SS`, with days in front where there are some. */
export function showWalltime(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const days = Math.floor(seconds / 86_400);
  const clock = `${two(Math.floor((seconds % 86_400) / 3_600))}:${two(Math.floor((seconds % 3_600) / 60))}:${two(seconds % 60)}`;
  return days > 0 ? `${days}-${clock}` : clock;
}
