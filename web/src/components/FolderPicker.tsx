// Walks through the person's folders to choose one, or a file in one.

import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Entry } from "../api/types";
import { useEntries, useRoots } from "../features/files/queries";
import { BY_NAME, isFile, isFolder, sortEntries } from "../features/files/sort";
import { useLanguage } from "../i18n/useLanguage";
import { trail } from "../lib/paths";
import { Icon } from "../ui/icons";
import { ProblemNote } from "./ProblemNote";
import classes from "./FolderPicker.module.css";

interface Props {
  path: string;
  onPath: (path: string) => void;
  /** Shows files too and gives the one that is pressed. */
  onFile?: (path: string) => void;
}

export function FolderPicker({ path, onPath, onFile }: Props) {
  const { t } = useTranslation("files");
  const language = useLanguage();
  const roots = useRoots();
  const { entries, error, isLoading } = useEntries(path);
  const shown = sortEntries(entries.filter((entry) => isFolder(entry) || (onFile && isFile(entry))), BY_NAME, language);
  const press = (entry: Entry) => (isFolder(entry) ? onPath(entry.path) : onFile?.(entry.path));
  return (
    <div className={classes.picker}>
      <nav aria-label={t("where")} className={classes.trail}>
        {roots.data?.items
          .filter((root) => !path.startsWith(root.path))
          .map((root) => (
            <Button key={root.path} size="compact-sm" variant="default" onClick={() => onPath(root.path)}>
              {root.title?.[language] ?? root.id}
            </Button>
          ))}
        {trail(path).map((step) => (
          <Button key={step.path} size="compact-sm" variant={step.path === path ? "light" : "subtle"} onClick={() => onPath(step.path)}>
            {step.name}
          </Button>
        ))}
      </nav>
      <ProblemNote error={error} />
      <ul className={classes.list} aria-label={t("list")} aria-busy={isLoading}>
        {shown.map((entry) => (
          <li key={entry.path}>
            <button type="button" onClick={() => press(entry)}>
              <Icon name={isFolder(entry) ? "folder" : "file"} />
              <span>{entry.name}</span>
            </button>
          </li>
        ))}
        {!isLoading && shown.length === 0 && <li className="muted">{t(onFile ? "picker.empty" : "picker.no_folders")}</li>}
      </ul>
    </div>
  );
}
