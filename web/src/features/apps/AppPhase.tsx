// An app's phase as word and shape.

import { useTranslation } from "react-i18next";

import type { App, AppPhase as Phase } from "../../api/types";
import { PhaseMark, type Shape, type Tone } from "../../components/PhaseMark";
import { STEPS, stepsDone } from "./steps";

const SIGNS: Record<Phase, { tone: Tone; shape: Shape }> = {
  starting: { tone: "busy", shape: "pie" },
  ready: { tone: "ready", shape: "dot" },
  stopping: { tone: "busy", shape: "half" },
  stopped: { tone: "idle", shape: "square" },
  failed: { tone: "fail", shape: "triangle" },
  deleted: { tone: "idle", shape: "ring" },
};

/** Without the steps, which others don't see, a start is shown as under way. */
export function AppPhase({ app }: { app: Pick<App, "phase"> & Partial<Pick<App, "steps">> }) {
  const { t } = useTranslation("apps");
  return (
    <PhaseMark {...SIGNS[app.phase]} filled={app.steps ? stepsDone({ steps: app.steps }) / STEPS.length : 0.5}>
      {t(`phase.${app.phase}`)}
    </PhaseMark>
  );
}
