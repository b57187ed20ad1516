// Opens a look at all queues.

import { Button, Modal } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { System } from "../../../api/types";
import { ProblemNote } from "../../../components/ProblemNote";
import { useText } from "../../../i18n/useLanguage";
import { queuesQuery } from "../queries";
import { QueueTable } from "./QueueTable";

interface Props {
  systems: readonly System[];
  /** Takes a queue for the form. */
  onChoose?: (name: string) => void;
}

export function QueuesButton({ systems, onChoose }: Props) {
  const { t } = useTranslation(["jobs", "common"]);
  const [isOpen, setOpen] = useState(false);
  if (systems.length === 0) return null;
  const choose = onChoose && ((name: string) => {
    onChoose(name);
    setOpen(false);
  });
  return (
    <>
      <Button variant="default" size={onChoose ? "compact-sm" : "sm"} onClick={() => setOpen(true)}>
        {t("queues.action")}
      </Button>
      <Modal opened={isOpen} onClose={() => setOpen(false)} size="xl" title={t("queues.title")} closeButtonProps={{ "aria-label": t("common:close") }}>
        {isOpen && <Systems systems={systems} onChoose={choose} />}
      </Modal>
    </>
  );
}

function Systems({ systems, onChoose }: { systems: readonly System[]; onChoose?: ((name: string) => void) | undefined }) {
  const text = useText();
  const lists = useQueries({ queries: systems.map(({ id }) => queuesQuery(id)) });
  return systems.map((system, at) => (
    <section key={system.id}>
      {systems.length > 1 && <h3>{text(system.title)}</h3>}
      <ProblemNote error={lists[at]?.error} />
      <QueueTable queues={lists[at]?.data ?? []} label={text(system.title)} onChoose={onChoose} />
    </section>
  ));
}
