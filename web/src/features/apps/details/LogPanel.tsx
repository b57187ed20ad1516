// The app's log as it grows.

import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";

import { api, ok } from "../../../api/client";
import type { App } from "../../../api/types";
import { Terminal } from "../../../components/Terminal";
import { saveText } from "../../../lib/saveText";
import { useTail, type ReadChunk } from "../../../lib/useTail";
import { Icon } from "../../../ui/icons";

const DOWNLOAD_CHUNK_BYTES = 1024 * 1024;

export function LogPanel({ app }: { app: App }) {
  const { t } = useTranslation("apps");
  const { id } = app;
  const read = useCallback<ReadChunk>((offset, limit, signal) => readLog(id, offset, limit, signal), [id]);
  const tail = useTail(read);
  const download = useMutation({ mutationFn: () => wholeLog(id), onSuccess: (text) => saveText(`${app.name}.log`, text) });
  return (
    <Terminal
      title={t("log.title")}
      tail={download.error ? { ...tail, error: download.error } : tail}
      actions={
        <Button size="xs" variant="default" leftSection={<Icon name="download" size={16} />} loading={download.isPending} onClick={() => download.mutate()}>
          {t("log.download")}
        </Button>
      }
    />
  );
}

function readLog(id: string, offset: number, limit: number, signal?: AbortSignal) {
  return ok(api.GET("/api/v1/apps/{id}/log", { params: { path: { id }, query: { offset, limit } }, ...(signal ? { signal } : {}) }));
}

/** Everything that was written up to now. */
async function wholeLog(id: string): Promise<string> {
  const parts: string[] = [];
  let offset = 0;
  for (;;) {
    const chunk = await readLog(id, offset, DOWNLOAD_CHUNK_BYTES);
    parts.push(chunk.text);
    if (chunk.next_offset <= offset || chunk.next_offset >= chunk.size_bytes) return parts.join("");
    offset = chunk.next_offset;
  }
}
