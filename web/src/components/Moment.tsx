// A time as "3 minutes ago", with the exact one on hover.

import { useLanguage } from "../i18n/useLanguage";
import { formatDateTime, formatRelative } from "../lib/format";
import { useNow } from "../lib/useNow";

export function useRelative(at: string): string {
  const language = useLanguage();
  const now = useNow(15_000);
  return formatRelative(at, language, now);
}

export function Moment({ at }: { at: string }) {
  const language = useLanguage();
  return (
    <time dateTime={at} title={formatDateTime(at, language)}>
      {useRelative(at)}
    </time>
  );
}
