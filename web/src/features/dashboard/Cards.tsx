// One's own space: a new app, every app, files and batch.

import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { ProblemNote } from "../../components/ProblemNote";
import { Icon, type IconName } from "../../ui/icons";
import { AppCard } from "../apps/AppCard";
import { cardId } from "../apps/cardId";
import cardClasses from "../apps/AppCard.module.css";
import { appsQuery, templatesQuery } from "../apps/queries";
import classes from "./Cards.module.css";

export function Cards() {
  const { t } = useTranslation("dashboard");
  const apps = useQuery(appsQuery);
  const templates = useQuery(templatesQuery).data;
  return (
    <section aria-labelledby="space" className={classes.section}>
      <h2 id="space">{t("space")}</h2>
      {apps.error && !apps.data && <ProblemNote error={apps.error} onRetry={() => void apps.refetch()} />}
      <ul className={classes.grid}>
        <li>
          <NewAppTile />
        </li>
        {apps.isPending && (
          <li aria-hidden="true">
            <Skeleton height={184} radius="lg" />
          </li>
        )}
        {apps.data?.items.map((app) => (
          <li key={app.id} id={cardId(app.id)} className={classes.app}>
            <AppCard app={app} template={templates?.find(({ id }) => id === app.template)} />
          </li>
        ))}
        <li className={classes.places}>
          <PlaceCard href="/files" target="myksc-files" icon="files" title={t("files.title")} text={t("files.text")} />
          <PlaceCard href="/jobs" target="myksc-jobs" icon="jobs" title={t("batch.title")} text={t("batch.text")} />
        </li>
      </ul>
    </section>
  );
}

function NewAppTile() {
  const { t } = useTranslation("dashboard");
  return (
    <Link to="/apps/new" className={classes.newApp}>
      <span className={classes.plus}>
        <Icon name="plus" size={26} />
      </span>
      <strong>{t("new_app.title")}</strong>
      <span className="muted small">{t("new_app.text")}</span>
    </Link>
  );
}

interface PlaceCardProps {
  href: string;
  target: string;
  icon: IconName;
  title: string;
  text: string;
}

/** A place of the portal that opens in its own window, as apps do. */
function PlaceCard({ href, target, icon, title, text }: PlaceCardProps) {
  const { t } = useTranslation();
  return (
    <article className={`${cardClasses.card} ${classes.place}`}>
      <span className={cardClasses.icon}>
        <Icon name={icon} size={22} />
      </span>
      <div className={cardClasses.names}>
        <h3>
          <a href={href} target={target} rel="noopener" className={cardClasses.face}>
            {title}
            <span className="visually-hidden"> ({t("new_window")})</span>
          </a>
        </h3>
        <p className="muted small">{text}</p>
      </div>
      <Icon name="external" size={16} className={classes.outward} />
    </article>
  );
}
