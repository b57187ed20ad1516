// Says quietly that the portal does not answer, and that it is being asked again.

import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { askNow, connection } from "../api/connection";
import { useStore } from "../lib/store";
import classes from "./AwayBanner.module.css";

export function AwayBanner() {
  const { t } = useTranslation();
  const { away, asking } = useStore(connection);
  return (
    <div role="status">
      {away && (
        <div className={classes.banner}>
          <p>
            <strong>{t("away.title")}</strong> {t("away.text")}
          </p>
          <Button size="compact-sm" variant="default" disabled={asking} onClick={() => void askNow()}>
            {asking ? t("away.asking") : t("away.now")}
          </Button>
        </div>
      )}
    </div>
  );
}
