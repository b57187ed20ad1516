// Whether a person can sign in, as word and shape.

import { useTranslation } from "react-i18next";

import { PhaseMark } from "../../../components/PhaseMark";

export function PersonState({ locked }: { locked: boolean }) {
  const { t } = useTranslation("operate");
  return locked ? (
    <PhaseMark tone="fail" shape="square">
      {t("people.locked")}
    </PhaseMark>
  ) : (
    <PhaseMark tone="ready" shape="dot">
      {t("people.open")}
    </PhaseMark>
  );
}
