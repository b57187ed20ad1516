// A job's state: how it ended, or where it is on its way.

import { useTranslation } from "react-i18next";

import { PhaseMark } from "../../components/PhaseMark";
import { stateSign, stateWord, type JobStateParts } from "./job";

export function JobPhase({ job }: { job: JobStateParts }) {
  const { t } = useTranslation("jobs");
  const word = t(`state.${stateWord(job)}`, { exit_code: job.exit_code ?? "–" });
  return <PhaseMark {...stateSign(job)}>{job.phase_raw ?? word}</PhaseMark>;
}
