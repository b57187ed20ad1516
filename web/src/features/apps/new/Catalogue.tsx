// What can be launched, as tiles; what can't says what is missing and how to get it.

import { TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Template } from "../../../api/types";
import { useText } from "../../../i18n/useLanguage";
import { Icon, templateIcon } from "../../../ui/icons";
import classes from "./Catalogue.module.css";

interface Props {
  templates: Template[];
  chosen: string | undefined;
  onChoose: (template: Template) => void;
}

export function Catalogue({ templates, chosen, onChoose }: Props) {
  const { t } = useTranslation("apps");
  const [search, setSearch] = useState("");
  const found = templates.filter((template) => fits(template, search)).toSorted((a, b) => Number(b.available) - Number(a.available));
  return (
    <section className={classes.catalogue} aria-label={t("new.catalogue")}>
      <TextInput
        type="search"
        aria-label={t("new.search")}
        placeholder={t("new.search")}
        leftSection={<Icon name="search" size={16} />}
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
      />
      {found.length === 0 && <p className="muted small">{t("new.no_match", { text: search })}</p>}
      <ul className={classes.tiles}>
        {found.map((template) => (
          <li key={template.id}>
            <Tile template={template} isChosen={template.id === chosen} onChoose={() => onChoose(template)} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Tile({ template, isChosen, onChoose }: { template: Template; isChosen: boolean; onChoose: () => void }) {
  const { t } = useTranslation("apps");
  const text = useText();
  const face = (
    <>
      <span className={classes.icon}>
        <Icon name={templateIcon(template.icon)} size={20} />
      </span>
      <span className={classes.words}>
        <strong>
          {text(template.title)} {template.version && <span className={classes.version}>{template.version}</span>}
        </strong>
        <span className="muted small">{text(template.summary)}</span>
      </span>
    </>
  );
  if (template.available) {
    return (
      <button type="button" className={classes.tile} aria-pressed={isChosen} data-autofocus={isChosen || undefined} onClick={onChoose}>
        {face}
      </button>
    );
  }
  return (
    <div className={classes.tile} data-missing>
      {face}
      <details className={classes.missing}>
        <summary>
          {t("new.unavailable", { what: template.missing.map(({ what }) => what).join(", ") })}
        </summary>
        {template.missing.map(({ what, how }) => (
          <p key={what}>{text(how)}</p>
        ))}
      </details>
    </div>
  );
}

function fits(template: Template, search: string): boolean {
  const wanted = search.trim().toLocaleLowerCase().normalize("NFC");
  const words = [template.id, template.title.en, template.title.ko, template.summary.en, template.summary.ko];
  return words.some((word) => word.toLocaleLowerCase().includes(wanted));
}
