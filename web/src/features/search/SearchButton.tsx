// Opens the quick search, by press or by Ctrl+K (⌘K on a Mac). The search is loaded when it is first wanted.

import { ActionIcon } from "@mantine/core";
import { lazy, Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { Icon } from "../../ui/icons";

const SearchDialog = lazy(() => import("./SearchDialog").then((module) => ({ default: module.SearchDialog })));

const IS_MAC = /Mac|iP(hone|ad)/.test(navigator.userAgent);

export function SearchButton() {
  const { t } = useTranslation();
  const [state, setState] = useState<"never" | "open" | "closed">("never");
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const isAsked = event.key.toLowerCase() === "k" && (IS_MAC ? event.metaKey : event.ctrlKey) && !event.altKey && !event.shiftKey;
      if (!isAsked) return;
      event.preventDefault();
      setState("open");
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
  return (
    <>
      <ActionIcon aria-label={t("search.open")} title={`${t("search.open")} (${IS_MAC ? "⌘" : "Ctrl+"}K)`} onClick={() => setState("open")}>
        <Icon name="search" />
      </ActionIcon>
      <Suspense>{state !== "never" && <SearchDialog opened={state === "open"} onClose={() => setState("closed")} />}</Suspense>
    </>
  );
}
