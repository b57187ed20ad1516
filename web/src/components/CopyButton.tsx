// Copies a text and says so for a moment.

import { Button } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { useTranslation } from "react-i18next";

import { Icon } from "../ui/icons";

export function CopyButton({ text, size = "xs" }: { text: string | (() => string); size?: string }) {
  const { t } = useTranslation();
  const clipboard = useClipboard({ timeout: 1_800 });
  return (
    <Button
      variant="default"
      size={size}
      leftSection={<Icon name={clipboard.copied ? "check" : "copy"} size={16} />}
      onClick={() => clipboard.copy(typeof text === "string" ? text : text())}
    >
      <span aria-live="polite">{clipboard.copied ? t("copied") : t("copy")}</span>
    </Button>
  );
}
