// A new notice: what it is about, its text in both languages, and how long it is shown.

import { Button, Select, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "../../../api/problem";
import { useFieldErrors } from "../../../components/fields";
import { ProblemNote } from "../../../components/ProblemNote";
import { EMPTY, KINDS, toNotice, type Draft } from "./draft";
import { useAddNotice } from "./queries";
import classes from "./Notices.module.css";

const MOST_CHARS = 500;
const FIELDS = ["text.en", "text.ko", "starts_at", "ends_at"];

export function NoticeForm() {
  const { t } = useTranslation(["operate", "common"]);
  const [draft, setDraft] = useState(EMPTY);
  const add = useAddNotice();
  const told = useFieldErrors(add.error);
  const change = (part: Partial<Draft>) => setDraft((old) => ({ ...old, ...part }));
  const optional = (label: string) => `${label} (${t("common:optional")})`;
  const isTold = add.error instanceof ApiError && add.error.fields.some(({ field }) => FIELDS.includes(field));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const done = () => {
      notifications.show({ message: t("notices.added") });
      setDraft(EMPTY);
    };
    if (!add.isPending) add.mutate(toNotice(draft), { onSuccess: done });
  };
  return (
    <form className={classes.form} aria-label={t("notices.new")} noValidate onSubmit={submit}>
      <Select
        label={t("notices.kind")}
        allowDeselect={false}
        data={KINDS.map((kind) => ({ value: kind, label: t(`common:notice.kind.${kind}`) }))}
        value={draft.kind}
        onChange={(kind) => kind && change({ kind: kind as Draft["kind"] })}
      />
      <Moment label={optional(t("notices.from"))} value={draft.from} onChange={(from) => change({ from })} error={told("starts_at")} />
      <Moment label={optional(t("notices.until"))} value={draft.until} onChange={(until) => change({ until })} error={told("ends_at")} />
      {(["ko", "en"] as const).map((language) => (
        <Textarea
          key={language}
          className={classes.text!}
          lang={language}
          label={t(`notices.text.${language}`)}
          maxLength={MOST_CHARS}
          autosize
          minRows={2}
          value={draft[language]}
          onChange={(event) => change({ [language]: event.currentTarget.value })}
          error={told(`text.${language}`)}
        />
      ))}
      {!isTold && <ProblemNote error={add.error} />}
      <div>
        <Button type="submit" loading={add.isPending}>
          {t("notices.add")}
        </Button>
      </div>
    </form>
  );
}

interface MomentProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  error: string | undefined;
}

function Moment({ label, value, onChange, error }: MomentProps) {
  return <TextInput type="datetime-local" label={label} value={value} onChange={(event) => onChange(event.currentTarget.value)} error={error} />;
}
