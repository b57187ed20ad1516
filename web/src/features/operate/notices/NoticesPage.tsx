// What everybody is told: written here, shown on the sign-in page and the dashboard while it holds.

import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { ProblemNote } from "../../../components/ProblemNote";
import { Section } from "../../account/Section";
import { OperatePage } from "../OperatePage";
import { NoticeForm } from "./NoticeForm";
import { NoticeTable } from "./NoticeTable";
import { noticesQuery } from "./queries";

export function NoticesPage() {
  const { t } = useTranslation("operate");
  const { data, error, refetch } = useQuery(noticesQuery);
  return (
    <OperatePage title={t("notices.title")}>
      <ProblemNote error={error} onRetry={() => void refetch()} />
      {!data && !error && <Skeleton height={160} radius="lg" />}
      {data && <NoticeTable notices={data} />}
      <Section title={t("notices.new")} hint={t("notices.hint")}>
        <NoticeForm />
      </Section>
    </OperatePage>
  );
}
