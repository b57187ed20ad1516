// Batch jobs of the person who is signed in.

import { useTranslation } from "react-i18next";

import { Page } from "../../components/Page";

export function JobsPage() {
  const { t } = useTranslation("jobs");
  return <Page title={t("title")} width="full">{null}</Page>;
}
