// What went wrong, where it happened, and the way on.

import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { errorText } from "../lib/problemText";
import { Icon } from "../ui/icons";
import classes from "./ProblemNote.module.css";

interface Props {
  error: unknown;
  onRetry?: () => void;
}

export function ProblemNote({ error, onRetry }: Props) {
  const { t, i18n } = useTranslation();
  if (!error) return null;
  return (
    <div className={classes.note} role="alert">
      <Icon name="warning" />
      <p>{errorText(error, i18n)}</p>
      {onRetry && (
        <Button variant="default" size="xs" onClick={onRetry}>
          {t("retry")}
        </Button>
      )}
    </div>
  );
}
