// Submits the script. The same script sent twice, after an answer was lost, is the same job.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef } from "react";

import { api, newIdempotencyKey, ok } from "../../../api/client";
import type { JobForm } from "../../../api/types";
import { keepJob } from "../queries";
import { dropDraft, keepOptions } from "./draft";
import { renderScript } from "./useScript";

export function useSubmit(system: string) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const sent = useRef({ body: "", key: "" });
  return useMutation({
    mutationFn: async (form: JobForm) => {
      const { script } = await renderScript(system, form);
      const body = { script, work_dir: form.work_dir };
      const text = JSON.stringify(body);
      if (sent.current.body !== text) sent.current = { body: text, key: newIdempotencyKey() };
      const header = { "Idempotency-Key": sent.current.key };
      return ok(api.POST("/api/v1/systems/{system}/jobs", { params: { path: { system }, header }, body }));
    },
    onSuccess: (job, form) => {
      keepOptions(system, form.options ?? {});
      sent.current = { body: "", key: "" };
      dropDraft();
      keepJob(cache, job);
      void navigate({ to: "/jobs/$id", params: { id: job.id } });
    },
  });
}
