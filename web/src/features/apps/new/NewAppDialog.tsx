// "+ App": the catalogue on the left, the form of the chosen one on the right, over the dashboard.

import { Modal, Skeleton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { Template } from "../../../api/types";
import { useTitle } from "../../../components/Page";
import { ProblemNote } from "../../../components/ProblemNote";
import { templatesQuery } from "../queries";
import { Catalogue } from "./Catalogue";
import { LaunchForm } from "./LaunchForm";
import classes from "./NewAppDialog.module.css";

export function NewAppDialog() {
  const { t } = useTranslation(["apps", "common"]);
  const navigate = useNavigate();
  const isNarrow = useMediaQuery("(max-width: 48em)") ?? false;
  useTitle(t("new.title"));
  return (
    <Modal
      opened
      onClose={() => void navigate({ to: "/" })}
      title={t("new.title")}
      size="64rem"
      fullScreen={isNarrow}
      padding="lg"
      closeOnClickOutside={false}
      closeButtonProps={{ "aria-label": t("common:close") }}
    >
      <Body />
    </Modal>
  );
}

function Body() {
  const { t } = useTranslation("apps");
  const { data, error, refetch } = useQuery(templatesQuery);
  const asked = useSearch({ from: "/signed-in/dashboard/apps/new" }).template;
  const navigate = useNavigate();
  if (error && !data) return <ProblemNote error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={360} />;
  if (data.length === 0) return <p className="muted">{t("new.empty")}</p>;
  const chosen = choose(data, asked);
  const select = (template: Template) => void navigate({ to: "/apps/new", search: { template: template.id }, replace: true });
  return (
    <div className={classes.columns}>
      <Catalogue templates={data} chosen={chosen?.id} onChoose={select} />
      {chosen ? <LaunchForm key={chosen.id} template={chosen} /> : <p className="muted">{t("new.choose")}</p>}
    </div>
  );
}

/** The one asked for, else the first that can be launched. */
function choose(templates: Template[], asked: string | undefined): Template | undefined {
  return templates.find(({ id, available }) => id === asked && available) ?? templates.find(({ available }) => available);
}
