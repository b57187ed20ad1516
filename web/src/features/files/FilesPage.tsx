// The files page: one folder of the person's own, and what can be done in it.

import { useLocalStorage } from "@mantine/hooks";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import "@mantine/core/styles/Checkbox.css";

import { useTitle } from "../../components/Page";
import { ProblemNote } from "../../components/ProblemNote";
import { useLanguage } from "../../i18n/useLanguage";
import { baseName } from "../../lib/paths";
import { useStore } from "../../lib/store";
import { Breadcrumb } from "./Breadcrumb";
import { DropZone } from "./DropZone";
import { FileList } from "./FileList";
import { FileDialogs, type DialogName } from "./dialogs/FileDialogs";
import { useEntries, useRoots } from "./queries";
import { RootMeter } from "./RootMeter";
import { keepKnown, NOTHING } from "./selection";
import { BY_NAME, isFolder, isHidden, sortEntries } from "./sort";
import { Toolbar } from "./Toolbar";
import { isSending, uploads } from "./uploads/store";
import { Tray } from "./uploads/Tray";
import { useTake } from "./uploads/useTake";
import classes from "./FilesPage.module.css";

const route = getRouteApi("/signed-in/files");

export function FilesPage() {
  const { t } = useTranslation("files");
  const language = useLanguage();
  const roots = useRoots();
  const path = route.useSearch().path ?? roots.data?.items[0]?.path ?? "home";
  const { entries, isLoading, isGrowing, error, refetch } = useEntries(path);
  const [order, setOrder] = useState(BY_NAME);
  const [showsHidden, setShowsHidden] = useShowsHidden();
  const sorted = useMemo(
    () => sortEntries(showsHidden ? entries : entries.filter((entry) => !isHidden(entry)), order, language),
    [entries, showsHidden, order, language],
  );
  const paths = useMemo(() => sorted.map((entry) => entry.path), [sorted]);
  const [selection, setSelection] = useFolderSelection(path);
  const known = useMemo(() => keepKnown(selection, paths), [selection, paths]);
  const [dialog, setDialog] = useState<DialogName | null>(null);
  const take = useTake(path);
  const open = useOpenFolder();
  const chosen = sorted.filter((entry) => known.chosen.has(entry.path));
  const target = chosen.length > 0 ? chosen : sorted.slice(Math.max(known.cursor, 0), known.cursor < 0 ? 0 : known.cursor + 1);
  useLeaveGuard();
  useTitle(path.includes("/") ? baseName(path) : t("title"));

  return (
    <DropZone folder={path} onTake={take.mutate}>
      <div className={classes.page}>
        <header className={classes.header}>
          <h1 className="visually-hidden">{t("title")}</h1>
          <Breadcrumb path={path} roots={roots.data?.items ?? []} />
          <RootMeter path={path} roots={roots.data?.items ?? []} />
        </header>
        <Toolbar folder={path} chosen={chosen} onDialog={setDialog} onTake={take.mutate} showsHidden={showsHidden} onShowsHidden={setShowsHidden} />
        <ProblemNote error={take.error} />
        {error ? (
          <ProblemNote error={error} onRetry={() => void refetch()} />
        ) : (
          <FileList
            entries={sorted}
            isLoading={isLoading}
            isGrowing={isGrowing}
            order={order}
            onOrder={setOrder}
            selection={known}
            onSelection={setSelection}
            onOpen={(entry) => (isFolder(entry) ? open(entry.path) : setDialog({ name: "preview", entry }))}
            onDialog={(name) => setDialog(name)}
          />
        )}
        <Tray />
      </div>
      <FileDialogs dialog={dialog} folder={path} target={target} onClose={() => setDialog(null)} />
    </DropZone>
  );
}

/** Whether names that begin with a dot are shown; remembered in this browser. */
function useShowsHidden() {
  return useLocalStorage({ key: "myksc-hidden-files", defaultValue: false, getInitialValueInEffect: false });
}

/** The selection belongs to one folder; another begins with none. */
function useFolderSelection(path: string) {
  const [kept, setKept] = useState({ path, selection: NOTHING });
  const selection = kept.path === path ? kept.selection : NOTHING;
  return [selection, (next: typeof NOTHING) => setKept({ path, selection: next })] as const;
}

function useOpenFolder() {
  const navigate = useNavigate();
  return (path: string) => void navigate({ to: "/files", search: { path } });
}

/** Asks before the window closes while bytes are on their way. */
function useLeaveGuard(): void {
  useStore(uploads);
  const busy = isSending();
  useEffect(() => {
    if (!busy) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [busy]);
}
