// Moves entries to another folder; what is in the way is asked about once for all.

import { Button, Group, Modal } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "../../../api/problem";
import type { Entry } from "../../../api/types";
import { FolderPicker } from "../../../components/FolderPicker";
import { ProblemNote } from "../../../components/ProblemNote";
import { joinPath } from "../../../lib/paths";
import { useMove } from "../queries";

interface Props {
  entries: readonly Entry[];
  folder: string;
  onClose: () => void;
}

export function MoveDialog({ entries, folder, onClose }: Props) {
  const { t } = useTranslation(["files", "common"]);
  const [target, setTarget] = useState(folder);
  const move = useMoveAll(target, onClose);
  const inTheWay = move.data ?? [];
  return (
    <Modal opened onClose={onClose} title={t("move.title", { count: entries.length, name: entries[0]?.name })} size="lg" closeButtonProps={{ "aria-label": t("common:close") }}>
      <FolderPicker path={target} onPath={setTarget} />
      <ProblemNote error={move.error} />
      {inTheWay.length > 0 && (
        <p role="alert">{t("move.in_the_way", { count: inTheWay.length, names: inTheWay.map((entry) => entry.name).join(", ") })}</p>
      )}
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={onClose}>
          {t("common:cancel")}
        </Button>
        {inTheWay.length > 0 ? (
          <Button color="red" loading={move.isPending} onClick={() => move.mutate({ entries: inTheWay, overwrite: true })}>
            {t("move.replace")}
          </Button>
        ) : (
          <Button disabled={target === folder} loading={move.isPending} onClick={() => move.mutate({ entries, overwrite: false })}>
            {t("move.submit")}
          </Button>
        )}
      </Group>
    </Modal>
  );
}

interface MoveAll {
  entries: readonly Entry[];
  overwrite: boolean;
}

/** Moves one after the other and gives those that something is in the way of. */
function useMoveAll(target: string, onDone: () => void) {
  const { mutateAsync } = useMove();
  return useMutation({
    mutationFn: async ({ entries, overwrite }: MoveAll) => {
      const inTheWay: Entry[] = [];
      for (const entry of entries) {
        try {
          await mutateAsync({ from: entry.path, to: joinPath(target, entry.name), overwrite });
        } catch (error) {
          if (!(error instanceof ApiError && error.code === "file_exists")) throw error;
          inTheWay.push(entry);
        }
      }
      return inTheWay;
    },
    onSuccess: (inTheWay) => inTheWay.length === 0 && onDone(),
  });
}
