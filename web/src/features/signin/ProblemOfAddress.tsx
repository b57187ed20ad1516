// Why a sign-in elsewhere did not lead in; its code comes in the address.

import { useTranslation } from "react-i18next";

import { useSite } from "../../components/useSite";
import { useText } from "../../i18n/useLanguage";
import { Icon } from "../../ui/icons";
import classes from "../../components/ProblemNote.module.css";

export function ProblemOfAddress({ code, provider }: { code: string | undefined; provider: string | undefined }) {
  const { t, i18n } = useTranslation(["signin", "errors"]);
  const text = useText();
  const way = useSite().site?.sign_in.find(({ id }) => id === provider);
  if (!code) return null;
  const params = { way: way ? text(way.title) : t("this_way") };
  const found = [`signin:problem.${code}`, `errors:${code}`].find((key) => i18n.exists(key)) ?? "signin:problem.other";
  return (
    <div className={classes.note} role="alert">
      <Icon name="warning" />
      <p>{t(found as never, params) as string}</p>
    </div>
  );
}
