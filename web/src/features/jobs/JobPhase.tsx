// A job's state: how it ended, or where it is on its way.

import { useTranslation } from "react-i18next";

import type { Job } from "../../api/types";
import { PhaseMark } from "../../components/PhaseMark";
import { stateSign, stateWord } from "./job";

export function JobPhase({ job }: { job: Job }) {
  const { t, i18n } = useTranslation("jobs");
  const word = stateWord(job);
  const known = i18n.exists(`jobs:state.${word}`);
  return (
    <PhaseMark {...stateSign(job)}>
      {known ? String(t(`state.${word}` as never, { exit_code: job.exit_code ?? "–" } as never)) : word}
    </PhaseMark>
  );
}
