// The fields of the batch form, each with the range that the chosen queue allows.

import { NativeSelect, NumberInput, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";


import type { FieldProblem, JobForm, Queue, SiteOption, System } from "../../../api/types";
import { useLanguage, useText } from "../../../i18n/useLanguage";
import { formatNumber, GIB } from "../../../lib/format";
import { problemText } from "../../../lib/problemText";
import { rangesOf } from "./draft";
import { FolderField, InputsField } from "./PathFields";
import { QueuesButton } from "../queues/QueuesButton";
import { QueueLoad } from "./QueueLoad";
import { SiteFields } from "./SiteFields";
import { WalltimeField } from "./WalltimeField";
import classes from "./JobEditor.module.css";

interface Props {
  systems: readonly System[];
  system: string;
  onSystem: (system: string) => void;
  queues: readonly Queue[];
  queue: Queue | undefined;
  siteOptions: readonly SiteOption[];
  form: JobForm;
  onChange: (part: Partial<JobForm>) => void;
  problems: readonly FieldProblem[];
  refused: (field: string) => string | undefined;
}

const NUMBERS = ["nodes", "tasks_per_node", "cpus_per_task", "gpus_per_node"] as const;

export function FormFields(props: Props) {
  const { systems, system, onSystem, queues, queue, form, onChange } = props;
  const { t } = useTranslation("jobs");
  const text = useText();
  const errorAt = useErrorAt(props);
  return (
    <>
      <fieldset className={classes.group}>
        <legend>{t("form.general")}</legend>
        <TextInput
          label={t("form.name")}
          value={form.name}
          maxLength={64}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => onChange({ name: event.currentTarget.value })}
          error={errorAt("name")}
        />
        {systems.length > 1 && (
          <NativeSelect
            label={t("form.system")}
            value={system}
            onChange={(event) => onSystem(event.currentTarget.value)}
            data={systems.map(({ id, title }) => ({ value: id, label: text(title) }))}
          />
        )}
        <NativeSelect
          label={t("form.queue")}
          value={form.queue}
          onChange={(event) => onChange({ queue: event.currentTarget.value })}
          data={queues.map((one) => ({ value: one.name, label: text(one.title) || one.name, disabled: !one.open }))}
          error={errorAt("queue")}
        />
        {queue && <QueueLoad queue={queue} />}
        <div>
          <QueuesButton systems={systems.filter(({ id }) => id === system)} onChoose={(name) => onChange({ queue: name })} />
        </div>
      </fieldset>
      <SiteFields options={props.siteOptions} values={form.options ?? {}} onValues={(options) => onChange({ options })} errorAt={errorAt} />
      <Resources {...props} errorAt={errorAt} />
      <fieldset className={classes.group}>
        <legend>{t("form.files")}</legend>
        <FolderField label={t("form.work_dir")} help={t("form.work_dir_help")} path={form.work_dir} onPath={(work_dir) => onChange({ work_dir })} error={errorAt("work_dir")} />
        <InputsField inputs={form.inputs} onInputs={(inputs) => onChange({ inputs })} error={errorAt("inputs")} />
        <div className={classes.pair}>
          <TextInput
            label={t("form.stdout_name")}
            description={t("form.stdout_help")}
            value={form.stdout_name}
            onChange={(event) => onChange({ stdout_name: event.currentTarget.value })}
            error={errorAt("stdout_name")}
          />
          <TextInput
            label={t("form.stderr_name")}
            description={t("form.stderr_help")}
            value={form.stderr_name}
            onChange={(event) => onChange({ stderr_name: event.currentTarget.value })}
            error={errorAt("stderr_name")}
          />
        </div>
      </fieldset>
    </>
  );
}

function Resources({ systems, system, queue, form, onChange, errorAt }: Props & { errorAt: (field: string) => string | undefined }) {
  const { t } = useTranslation("jobs");
  const language = useLanguage();
  const ranges = rangesOf(queue);
  const rangeText = (field: keyof JobForm, divisor = 1) => {
    const range = ranges[field];
    return range && t("form.range", { min: formatNumber(range.min / divisor, language), max: formatNumber(range.max / divisor, language, 1) });
  };
  // Unless the site forbids it; a scheduler that has not answered yet is no reason.
  const takesMemory = systems.find(({ id }) => id === system)?.capabilities.memory !== false || form.memory_bytes != null;
  const shown = NUMBERS.filter((field) => field !== "gpus_per_node" || (ranges.gpus_per_node?.max ?? 0) > 0);
  return (
    <fieldset className={classes.group}>
      <legend>{t("form.resources")}</legend>
      <div className={classes.pair}>
        {shown.map((field) => (
          <NumberInput
            key={field}
            label={t(`form.${field}`)}
            description={rangeText(field)}
            value={form[field]}
            min={ranges[field]?.min ?? 0}
            clampBehavior="none"
            allowDecimal={false}
            allowNegative={false}
            onChange={(value) => onChange({ [field]: Number(value) })}
            error={errorAt(field)}
          />
        ))}
        {takesMemory && <NumberInput
          label={t("form.memory_gib")}
          description={ranges.memory_bytes && t("form.up_to", { max: formatNumber(ranges.memory_bytes.max / GIB, language, 1) })}
          placeholder={t("form.memory_default")}
          value={form.memory_bytes == null ? "" : form.memory_bytes / GIB}
          min={0.1}
          clampBehavior="none"
          decimalScale={2}
          allowNegative={false}
          onChange={(value) => onChange({ memory_bytes: value === "" ? null : Math.round(Number(value) * GIB) })}
          error={errorAt("memory_bytes")}
        />}
        <WalltimeField seconds={form.walltime_secs} maxSecs={ranges.walltime_secs?.max} onSeconds={(walltime_secs) => onChange({ walltime_secs })} error={errorAt("walltime_secs")} />
      </div>
    </fieldset>
  );
}

/** What the queue's range, the portal's check or its refusal says at a field. */
function useErrorAt({ queue, form, problems, refused }: Props): (field: string) => string | undefined {
  const { t, i18n } = useTranslation("jobs");
  const language = useLanguage();
  const ranges = rangesOf(queue);
  return (field) => {
    const found = problems.find((problem) => problem.field === field && problem.code !== "required");
    if (found) return problemText(found, i18n);
    const range = ranges[field as keyof JobForm];
    const value = form[field as keyof JobForm];
    if (range && typeof value === "number" && (value < range.min || value > range.max) && field !== "memory_bytes" && field !== "walltime_secs") {
      return t("form.out_of_range", { min: formatNumber(range.min, language), max: formatNumber(range.max, language) });
    }
    // The portal finds out by itself when one of the site's fields is no longer missing.
    const isFilled = field.startsWith("options.") && !problems.some((problem) => problem.field === field);
    return isFilled ? undefined : refused(field);
  };
}
