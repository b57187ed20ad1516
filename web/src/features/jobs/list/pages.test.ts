import { expect, test } from "vitest";

import type { Job } from "../../../api/types";
import { jobsOf } from "./pages";

const job = (number: number, revision: number, over: Partial<Job> = {}): Job =>
  ({ id: `job-${number}`, revision, phase: "running", submitted_at: new Date(Date.UTC(2026, 0, 1, 0, number)).toISOString(), ...over }) as Job;
const heard = (...jobs: Job[]) => new Map(jobs.map((one) => [one.id, one]));
const ids = (jobs: Job[]) => jobs.map(({ id }) => id);

const pages = [
  { items: [job(9, 1), job(8, 2)], next_cursor: "8" },
  { items: [job(7, 3), job(6, 4)], next_cursor: "6" },
];

test("pages follow each other, and what is newer wins in whatever order it comes", () => {
  const jobs = jobsOf(pages, heard(job(8, 9, { name: "newer" }), job(7, 1, { name: "older" })), "all");
  expect(ids(jobs)).toEqual(["job-9", "job-8", "job-7", "job-6"]);
  expect(jobs.map(({ revision }) => revision)).toEqual([1, 9, 3, 4]);
});

test("a job that was heard of stands at its place, but not before its page is there", () => {
  expect(ids(jobsOf(pages, heard(job(10, 20), job(3, 21)), "all"))).toEqual(["job-10", "job-9", "job-8", "job-7", "job-6"]);
  const whole = [pages[0]!, { ...pages[1]!, next_cursor: null }];
  expect(ids(jobsOf(whole, heard(job(3, 21)), "all")).at(-1)).toBe("job-3");
});

test("a job that ended leaves the active ones for the ended ones", () => {
  const ended = heard(job(8, 9, { phase: "ended" }));
  expect(ids(jobsOf(pages, ended, "active"))).toEqual(["job-9", "job-7", "job-6"]);
  expect(ids(jobsOf([{ items: [] }], ended, "ended"))).toEqual(["job-8"]);
});
