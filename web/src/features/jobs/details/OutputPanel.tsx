// The job's output, read from its file as it grows.

import { Button, SegmentedControl } from "@mantine/core";
import { useCallback, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, ok } from "../../../api/client";
import type { Job } from "../../../api/types";
import { Terminal } from "../../../components/Terminal";
import { contentAddress } from "../../../lib/paths";
import { useTail, type ReadChunk } from "../../../lib/useTail";
import { Icon } from "../../../ui/icons";

type Stream = "stdout" | "stderr";

interface Props {
  job: Job;
  /** The task of an array whose output is shown. */
  task?: number | undefined;
}

export function OutputPanel({ job, task }: Props) {
  const { t } = useTranslation("jobs");
  const [stream, setStream] = useState<Stream>("stdout");
  const hasTwo = job.stderr_path !== job.stdout_path;
  return (
    <div>
      {hasTwo && (
        <SegmentedControl
          mb="xs"
          aria-label={t("output.stream")}
          value={stream}
          onChange={(value) => setStream(value as Stream)}
          data={(["stdout", "stderr"] as const).map((value) => ({ value, label: t(`output.${value}`) }))}
        />
      )}
      {job.started_at || job.phase === "ended" ? (
        <Output key={`${stream} ${task ?? ""}`} job={job} task={task} stream={stream} />
      ) : (
        <section>
          <h2>{t("output.title")}</h2>
          <p className="muted">{t("output.waiting")}</p>
        </section>
      )}
    </div>
  );
}

function Output({ job, task, stream }: Props & { stream: Stream }) {
  const { t } = useTranslation("jobs");
  const { id } = job;
  const read = useCallback<ReadChunk>(
    (offset, limit, signal) =>
      task === undefined
        ? ok(api.GET("/api/v1/jobs/{id}/output", { params: { path: { id }, query: { stream, offset, limit } }, signal }))
        : ok(api.GET("/api/v1/jobs/{id}/tasks/{index}/output", { params: { path: { id, index: task }, query: { stream, offset, limit } }, signal })),
    [id, task, stream],
  );
  const tail = useTail(read);
  return (
    <Terminal
      title={task === undefined ? t("output.title") : t("output.of_task", { index: task })}
      tail={tail}
      actions={task === undefined && (
        <Button
          component="a"
          href={contentAddress(stream === "stdout" ? job.stdout_path : job.stderr_path)}
          download
          size="xs"
          variant="default"
          leftSection={<Icon name="download" size={16} />}
        >
          {t("output.download")}
        </Button>
      )}
    />
  );
}
