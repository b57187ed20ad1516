// Takes files into a folder: makes the folders they bring, then queues them.

import { useMutation } from "@tanstack/react-query";

import { api, ok } from "../../../api/client";
import { ApiError } from "../../../api/problem";
import { useRefresh } from "../queries";
import type { Dropped } from "./dropped";
import { startUploads } from "./send";

export function useTake(folder: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: async (given: Dropped | Promise<Dropped>) => {
      const { folders, files } = await given;
      for (const path of folders) await makeFolder(path);
      await startUploads(files);
    },
    onSettled: () => refresh(folder),
  });
}

/** A folder that is there already is as good as a new one. */
async function makeFolder(path: string): Promise<void> {
  try {
    await ok(api.POST("/api/v1/files/folders", { body: { path } }));
  } catch (error) {
    if (!(error instanceof ApiError && error.code === "file_exists")) throw error;
  }
}
