// What is in the chosen queue now.

import { useTranslation } from "react-i18next";

import type { Queue } from "../../../api/types";
import { Meter } from "../../../components/Meter";
import { useLanguage } from "../../../i18n/useLanguage";
import { formatNumber } from "../../../lib/format";

export function QueueLoad({ queue }: { queue: Queue }) {
  const { t } = useTranslation("jobs");
  const language = useLanguage();
  const { slots_total, slots_used, jobs_running, jobs_queued } = queue.load;
  const show = (value: number) => formatNumber(value, language);
  return (
    <div>
      <Meter used={slots_used} limit={slots_total} unit={1} label={t("queue.slots", { used: show(slots_used), total: show(slots_total) })} />
      <p className="muted small">
        {t("queue.slots", { used: show(slots_used), total: show(slots_total) })} · {t("queue.jobs", { running: show(jobs_running), waiting: show(jobs_queued) })}
      </p>
    </div>
  );
}
