// Says in the window's title, and by the browser where it may, which app is about to end by itself.

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import type { App } from "../../api/types";
import { titleNote } from "../../components/Page";
import { useLanguage } from "../../i18n/useLanguage";
import { useNow } from "../../lib/useNow";
import { countdown, leftSecs, nextToStop } from "./autoStop";
import { mayNotify } from "./NotifyButton";
import { appsQuery } from "./queries";

export function AutoStopWatch() {
  const app = nextToStop(useQuery(appsQuery).data?.items ?? []);
  return app ? <Announcement key={`${app.id} ${app.auto_stop?.at}`} app={app} /> : null;
}

function Announcement({ app }: { app: App }) {
  const { t } = useTranslation("apps");
  const language = useLanguage();
  const span = countdown(leftSecs(app, useNow(1_000)) ?? 0, language);
  const text = t("auto_stop.title", { name: app.name, span });
  useEffect(() => titleNote.set(text), [text]);
  useEffect(() => () => titleNote.set(null), []);
  // As it was at first: each end that is announced is told once.
  const [told] = useState({ text, id: app.id });
  useEffect(() => notify(told.text, told.id), [told]);
  return null;
}

/** Tells by the browser, where it may; the same note in every window of the portal. */
function notify(text: string, id: string): (() => void) | undefined {
  if (mayNotify() !== "granted") return undefined;
  const note = new Notification(text, { tag: id });
  note.onclick = () => window.focus();
  return () => note.close();
}
