// Opens the quick search, by press or by Ctrl+K (⌘K on a Mac). The search is loaded when it is first wanted.

import { ActionIcon } from "@mantine/core";
import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { Icon } from "../../ui/icons";

const SearchDialog = lazy(() => import("./SearchDialog").then((module) => ({ default: module.SearchDialog })));

const IS_MAC = /Mac|iP(hone|ad)/.test(navigator.userAgent);

export function SearchButton() {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  // Each opening begins with an empty search.
  const [turn, setTurn] = useState(0);
  const open = useCallback(() => {
    setOpen(true);
    setTurn((last) => last + 1);
  }, []);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const isAsked = event.key.toLowerCase() === "k" && (IS_MAC ? event.metaKey : event.ctrlKey) && !event.altKey && !event.shiftKey;
      if (!isAsked) return;
      event.preventDefault();
      open();
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, [open]);
  return (
    <>
      <ActionIcon aria-label={t("search.open")} title={`${t("search.open")} (${IS_MAC ? "⌘" : "Ctrl+"}K)`} onClick={open}>
        <Icon name="search" />
      </ActionIcon>
      <Suspense>{turn > 0 && <SearchDialog opened={isOpen} turn={turn} onClose={() => setOpen(false)} />}</Suspense>
    </>
  );
}
