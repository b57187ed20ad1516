// Files of the person who is signed in.

import { useTranslation } from "react-i18next";

import { Page } from "../../components/Page";

export function FilesPage() {
  const { t } = useTranslation("files");
  return <Page title={t("title")} width="full">{null}</Page>;
}
