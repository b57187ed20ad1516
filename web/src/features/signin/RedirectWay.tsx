// A way in that leads to the provider's own pages.

import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Way } from "../../api/types";
import { useText } from "../../i18n/useLanguage";
import { Icon } from "../../ui/icons";
import { startOf } from "./ways";
import classes from "./SignInPage.module.css";

interface Props {
  way: Way;
  next: string | undefined;
  /** In a window of its own, so that the page below stays as it is. */
  inPlace: boolean;
  isMain: boolean;
}

export function RedirectWay({ way, next, inPlace, isMain }: Props) {
  const { t } = useTranslation("signin");
  const text = useText();
  const title = text(way.title);
  const look = { size: "md", variant: isMain ? "filled" : "default", fullWidth: true } as const;
  if (way.available === false) {
    return (
      <div className={classes.way}>
        <Button {...look} disabled>
          {t("with", { way: title })}
        </Button>
        <p className={classes.unavailable} role="status">
          {t("unavailable", { way: title })}
        </p>
      </div>
    );
  }
  const target = inPlace ? { target: "_blank", rel: "opener" } : {};
  return (
    <Button
      {...look}
      component="a"
      href={startOf(way, inPlace ? "/sign-in/done" : (next ?? "/"))}
      {...target}
      rightSection={inPlace ? <Icon name="external" size={16} /> : undefined}
    >
      {t("with", { way: title })}
    </Button>
  );
}
