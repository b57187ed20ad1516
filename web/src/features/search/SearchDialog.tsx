// The quick search: type, choose with the arrows, Enter.

import { Modal, TextInput } from "@mantine/core";
import { useRouter } from "@tanstack/react-router";
import { useRef, useState, type KeyboardEvent, type MouseEvent } from "react";
import { useTranslation } from "react-i18next";

import { Icon } from "../../ui/icons";
import { findEntries, type SearchEntry } from "./entries";
import { useEntries } from "./useEntries";
import classes from "./SearchDialog.module.css";

interface Props {
  opened: boolean;
  /** Counts the openings. */
  turn: number;
  onClose: () => void;
}

export function SearchDialog({ opened, turn, onClose }: Props) {
  const { t } = useTranslation();
  return (
    <Modal opened={opened} onClose={onClose} attributes={{ content: { "aria-label": t("search.title") } }} withCloseButton={false} centered={false} size="lg" padding="sm">
      <Search key={turn} isWanted={opened} onDone={onClose} />
    </Modal>
  );
}

function Search({ isWanted, onDone }: { isWanted: boolean; onDone: () => void }) {
  const { t } = useTranslation();
  const [search, setSearch] = useState("");
  const [chosen, setChosen] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const found = findEntries(useEntries(isWanted), search);
  const at = Math.min(chosen, found.length - 1);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing || found.length === 0) return; // Enter ends a Hangul syllable first.
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setChosen((at + step + found.length) % found.length);
    else if (event.key === "Enter") list.current?.querySelector<HTMLElement>('[aria-selected="true"]')?.click();
    else return;
    event.preventDefault();
  };

  return (
    <>
      <TextInput
        size="md"
        role="combobox"
        aria-label={t("search.title")}
        aria-expanded={found.length > 0}
        aria-controls="search-results"
        aria-activedescendant={found[at] ? `search-${found[at].id}` : undefined}
        placeholder={t("search.placeholder")}
        leftSection={<Icon name="search" />}
        data-autofocus
        value={search}
        onChange={(event) => {
          setSearch(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div ref={list} id="search-results" role="listbox" aria-label={t("search.results")} className={classes.results}>
        {found.map((entry, index) => (
          <Result key={entry.id} entry={entry} isChosen={index === at} onPoint={() => setChosen(index)} onDone={onDone} />
        ))}
      </div>
      <p className="muted small" role="status">
        {found.length === 0 && t("search.none", { text: search })}
      </p>
    </>
  );
}

interface ResultProps {
  entry: SearchEntry;
  isChosen: boolean;
  onPoint: () => void;
  onDone: () => void;
}

function Result({ entry, isChosen, onPoint, onDone }: ResultProps) {
  const { t } = useTranslation();
  const router = useRouter();
  const press = (event: MouseEvent) => {
    onDone();
    entry.act?.();
    if (!entry.href || entry.target || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    router.history.push(entry.href);
  };
  const shared = {
    id: `search-${entry.id}`,
    role: "option",
    tabIndex: -1,
    "aria-selected": isChosen,
    className: classes.result,
    onClick: press,
    onPointerMove: onPoint,
  };
  const face = (
    <>
      <span className={classes.label}>{entry.label}</span>
      <span className="muted small">{t(`search.kind.${entry.kind}`)}</span>
    </>
  );
  if (!entry.href) {
    return (
      <button type="button" {...shared}>
        {face}
      </button>
    );
  }
  return (
    <a href={entry.href} {...(entry.target ? { target: entry.target, rel: "noopener" } : {})} {...shared}>
      {face}
    </a>
  );
}
