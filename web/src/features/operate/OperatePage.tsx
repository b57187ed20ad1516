// The frame of the operators' pages: which there are, and which one this is.

import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { session } from "../../api/session";
import { Page } from "../../components/Page";
import { useStore } from "../../lib/store";
import { isOperator } from "./roles";
import classes from "./OperatePage.module.css";

interface Props {
  title: string;
  heading?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function OperatePage(props: Props) {
  const { t } = useTranslation("operate");
  const role = useStore(session)?.role;
  return (
    <>
      {isOperator(role) && (
        <nav className={classes.places} aria-label={t("nav")}>
          <Link to="/people" className={classes.place}>
            {t("people.title")}
          </Link>
          <Link to="/audit" className={classes.place}>
            {t("audit.title")}
          </Link>
          <Link to="/notices" className={classes.place}>
            {t("notices.title")}
          </Link>
        </nav>
      )}
      <Page {...props} />
    </>
  );
}
