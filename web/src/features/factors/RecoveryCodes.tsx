// Recovery codes, the only time that anybody sees them.

import { Button, Group } from "@mantine/core";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { CopyButton } from "../../components/CopyButton";
import { useSite } from "../../components/useSite";
import { saveText } from "../../lib/saveText";
import { Icon } from "../../ui/icons";
import { recoveryFile } from "./code";
import classes from "./factors.module.css";

interface Props {
  codes: readonly string[];
  account: string;
  onKept: () => void;
}

export function RecoveryCodes({ codes, account, onKept }: Props) {
  const { t } = useTranslation("factors");
  const { name } = useSite();
  useLeaveGuard();
  const file = () => recoveryFile(t("codes.file_title", { name: name || "MyKSC" }), account, codes);
  return (
    <div className={classes.codes}>
      <p className="muted">{t("codes.text")}</p>
      <ul className={classes.list} aria-label={t("codes.title")}>
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <Group gap="xs">
        <CopyButton text={file} size="sm" />
        <Button variant="default" leftSection={<Icon name="download" size={16} />} onClick={() => saveText("myksc-recovery-codes.txt", file())}>
          {t("codes.download")}
        </Button>
      </Group>
      <Button size="md" onClick={onKept}>
        {t("codes.kept")}
      </Button>
    </div>
  );
}

/** Asks before the page goes away with codes that nobody has kept. */
function useLeaveGuard(): void {
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, []);
}
