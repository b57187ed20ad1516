// The first visit: three doors, each one press from done.

import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { Icon, type IconName } from "../../ui/icons";
import { templatesQuery } from "../apps/queries";
import classes from "./Doors.module.css";

export function Doors() {
  const { t } = useTranslation("dashboard");
  const templates = useQuery(templatesQuery).data;
  const notebook = templates?.find(({ id, icon }) => id.includes("jupyter") || icon.includes("jupyter"));
  return (
    <section className={classes.section} aria-labelledby="doors">
      <h2 id="doors">{t("doors.title")}</h2>
      <div className={classes.doors}>
        <Link to="/apps/new" search={notebook ? { template: notebook.id } : {}} className={classes.door}>
          <Door icon="notebook" door="notebook" />
        </Link>
        <Link to="/jobs/new" className={classes.door}>
          <Door icon="jobs" door="job" />
        </Link>
        <Link to="/files" className={classes.door}>
          <Door icon="upload" door="data" />
        </Link>
      </div>
    </section>
  );
}

function Door({ icon, door }: { icon: IconName; door: "notebook" | "job" | "data" }) {
  const { t } = useTranslation("dashboard");
  return (
    <>
      <Icon name={icon} size={28} />
      <strong>{t(`doors.${door}.title`)}</strong>
      <span className="muted small">{t(`doors.${door}.text`)}</span>
      <span className={classes.action}>
        {t(`doors.${door}.action`)} <Icon name="arrow" size={16} />
      </span>
    </>
  );
}
