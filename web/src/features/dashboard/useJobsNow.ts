// The batch jobs in three numbers, kept by events.

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { useStore } from "../../lib/store";
import { useNow } from "../../lib/useNow";
import { heardJobs } from "../jobs/heard";
import { countJobs, jobsNowQuery, type JobsNow } from "./queries";

// It hears of jobs only where this is loaded.
import "../jobs/queries";

export function useJobsNow(): JobsNow | undefined {
  const { data } = useQuery(jobsNowQuery);
  const heard = useStore(heardJobs);
  const now = useNow(60_000);
  return useMemo(() => data && countJobs(data, heard, now), [data, heard, now]);
}
