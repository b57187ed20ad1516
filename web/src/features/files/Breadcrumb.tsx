// Where the folder lies: every step is a link.

import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { Root } from "../../api/types";
import { useLanguage } from "../../i18n/useLanguage";
import { trail } from "../../lib/paths";
import classes from "./Breadcrumb.module.css";

interface Props {
  path: string;
  roots: readonly Root[];
}

export function Breadcrumb({ path, roots }: Props) {
  const { t } = useTranslation("files");
  const language = useLanguage();
  const steps = trail(path);
  const others = roots.filter((root) => root.path !== steps[0]?.path);
  const nameOf = (step: { path: string; name: string }) =>
    roots.find((root) => root.path === step.path)?.title?.[language] ?? step.name;
  return (
    <nav aria-label={t("where")} className={classes.trail}>
      <ol>
        {steps.map((step, index) => (
          <li key={step.path}>
            {index === steps.length - 1 ? (
              <span aria-current="page">{nameOf(step)}</span>
            ) : (
              <Link to="/files" search={{ path: step.path }}>
                {nameOf(step)}
              </Link>
            )}
          </li>
        ))}
      </ol>
      {others.map((root) => (
        <Link key={root.path} to="/files" search={{ path: root.path }} className={classes.other}>
          {root.title?.[language] ?? root.id}
        </Link>
      ))}
    </nav>
  );
}
