// The way to older jobs: gone by itself when the end of the list comes near, and a button for whoever walks by keys.

import { Button } from "@mantine/core";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { useInSight } from "../../../lib/useInSight";
import classes from "./JobTable.module.css";

const NEAR_PX = 600;

interface Props {
  isLoading: boolean;
  /** After a failure only the button asks again. */
  hasFailed: boolean;
  isSearch: boolean;
  onLoad: () => void;
}

export function OlderJobs({ isLoading, hasFailed, isSearch, onLoad }: Props) {
  const { t } = useTranslation("jobs");
  const [row, isInSight] = useInSight<HTMLDivElement>(NEAR_PX);
  useEffect(() => {
    if (isInSight && !isLoading && !hasFailed) onLoad();
  }, [isInSight, isLoading, hasFailed, onLoad]);
  return (
    <div ref={row} className={classes.older}>
      <Button variant="default" size="xs" loading={isLoading} onClick={onLoad}>
        {t("list.older")}
      </Button>
      {isSearch && isLoading && (
        <span role="status" className="muted small">
          {t("list.searching_older")}
        </span>
      )}
    </div>
  );
}
