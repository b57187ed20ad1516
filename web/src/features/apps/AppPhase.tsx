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

export function AppPhase({ app }: { app: App }) {
  const { t } = useTranslation("apps");
  return (
    <PhaseMark {...SIGNS[app.phase]} filled={stepsDone(app) / STEPS.length}>
      {t(`phase.${app.phase}`)}
    </PhaseMark>
  );
}
