// All queues of a system at a glance: what is free, used and down, and what a job may ask for.

import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Queue } from "../../../api/types";
import { PhaseMark } from "../../../components/PhaseMark";
import { useLanguage, useText } from "../../../i18n/useLanguage";
import { formatNumber } from "../../../lib/format";
import { showWalltime } from "../edit/draft";
import classes from "./QueueTable.module.css";

interface Props {
  queues: readonly Queue[];
  label: string;
  /** Takes a queue for the form; without it there is nothing to take it for. */
  onChoose?: ((name: string) => void) | undefined;
}

export function QueueTable({ queues, label, onChoose }: Props) {
  const { t } = useTranslation("jobs");
  const text = useText();
  const facts = useFacts();
  return (
    <ul className={classes.queues} aria-label={label}>
      {queues.map((queue) => (
        <li key={queue.name}>
          <div className={classes.head}>
            <strong>{text(queue.title) || queue.name}</strong>
            <PhaseMark tone={queue.open ? "ready" : "fail"} shape={queue.open ? "dot" : "square"}>
              {t(queue.open ? "queues.open" : "queues.closed")}
            </PhaseMark>
            {onChoose && (
              <Button size="compact-xs" variant="default" disabled={!queue.open} aria-label={t("queues.choose", { name: queue.name })} onClick={() => onChoose(queue.name)}>
                {t("queues.take")}
              </Button>
            )}
          </div>
          <dl>
            {facts(queue).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </li>
      ))}
    </ul>
  );
}

function useFacts() {
  const { t } = useTranslation("jobs");
  const language = useLanguage();
  const show = (value: number) => formatNumber(value, language);
  return ({ load, limits, priority }: Queue): [string, string][] => [
    [t("queues.nodes"), t("queues.three", { free: show(load.nodes_free), used: show(load.nodes_used), down: show(load.nodes_down) })],
    [t("queues.cores"), t("queues.two", { free: show(Math.max(0, load.slots_total - load.slots_used)), used: show(load.slots_used) })],
    ...(load.gpus_total > 0
      ? ([[t("queues.gpus"), t("queues.two", { free: show(Math.max(0, load.gpus_total - load.gpus_used)), used: show(load.gpus_used) })]] as [string, string][])
      : []),
    [t("queues.jobs"), t("queue.jobs", { running: show(load.jobs_running), waiting: show(load.jobs_queued) })],
    [t("queues.most_time"), limits.max_walltime_secs == null ? t("time.unlimited") : showWalltime(limits.max_walltime_secs)],
    [t("queues.most_size"), t("queues.size", { nodes: show(limits.max_nodes), cores: show(limits.max_cpus_per_node) })],
    ...(priority == null ? [] : ([[t("queues.priority"), show(priority)]] as [string, string][])),
  ];
}
