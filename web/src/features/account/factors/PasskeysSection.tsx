// Passkeys: made on a device, named here, deleted here.

import { Button, Modal, Skeleton, Stack, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import { session } from "../../../api/session";
import type { Factors, Passkey } from "../../../api/types";
import { Moment } from "../../../components/Moment";
import { ProblemNote } from "../../../components/ProblemNote";
import { useLanguage } from "../../../i18n/useLanguage";
import { formatDate } from "../../../lib/format";
import { useStore } from "../../../lib/store";
import { RecoveryCodes } from "../../factors/RecoveryCodes";
import { hasPasskeys } from "../../factors/webauthn";
import { browserName } from "../browserName";
import { Section } from "../Section";
import classes from "../Section.module.css";
import { PasswordForm } from "./PasswordForm";
import { factorsQuery, useAddPasskey, useRemovePasskey } from "./queries";

export function PasskeysSection() {
  const { t } = useTranslation(["account", "factors"]);
  const { data, error, refetch } = useQuery(factorsQuery);
  return (
    <Section title={t("passkeys.title")} hint={t("passkeys.hint")}>
      {error && !data && <ProblemNote error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={40} />}
      {data?.passkeys.length === 0 && <p className="muted">{t("passkeys.none")}</p>}
      {data && (
        <ul className={classes.rows}>
          {data.passkeys.map((passkey) => (
            <PasskeyRow key={passkey.id} passkey={passkey} isNeeded={isLastFactor(data)} />
          ))}
        </ul>
      )}
      {hasPasskeys() ? <AddPasskey /> : <p className="muted small">{t("factors:passkey.unsupported")}</p>}
    </Section>
  );
}

function isLastFactor({ required, totp, passkeys }: Factors): boolean {
  return required && totp === null && passkeys.length === 1;
}

function PasskeyRow({ passkey, isNeeded }: { passkey: Passkey; isNeeded: boolean }) {
  const { t } = useTranslation(["account", "common"]);
  const language = useLanguage();
  const [asking, setAsking] = useState(false);
  const remove = useRemovePasskey();
  return (
    <li className={classes.row}>
      <div className={classes.what}>
        <strong>{passkey.name}</strong>
        <p className="muted small">
          {t("passkeys.made", { date: formatDate(passkey.created_at, language) })} ·{" "}
          {passkey.last_used_at ? <Moment at={passkey.last_used_at} /> : t("tokens.never_used")}
        </p>
        {isNeeded && <p className="muted small">{t("passkeys.required_last")}</p>}
      </div>
      <Button
        size="xs"
        variant="default"
        disabled={isNeeded}
        aria-label={t("passkeys.delete_label", { name: passkey.name })}
        onClick={() => setAsking(true)}
      >
        {t("common:delete")}
      </Button>
      {asking && (
        <Modal
          opened
          onClose={() => setAsking(false)}
          title={t("passkeys.delete_title", { name: passkey.name })}
          closeButtonProps={{ "aria-label": t("common:close") }}
        >
          <Stack gap="md">
            <p className="muted">{t("passkeys.delete_text")}</p>
            <PasswordForm
              danger
              submit={t("common:delete")}
              busy={remove.isPending}
              error={remove.error}
              onPassword={(password) => remove.mutate({ id: passkey.id, password }, { onSuccess: () => setAsking(false) })}
            />
          </Stack>
        </Modal>
      )}
    </li>
  );
}

function AddPasskey() {
  const { t } = useTranslation(["account", "common", "errors", "factors"]);
  const account = useStore(session)?.user.name ?? "";
  const [name, setName] = useState(() => browserName(navigator.userAgent).system ?? "");
  const [isMissing, setMissing] = useState(false);
  const [asking, setAsking] = useState(false);
  const add = useAddPasskey();
  const codes = add.data?.recovery_codes ?? [];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setMissing(name.trim() === "");
    setAsking(name.trim() !== "");
  };
  const close = () => {
    setAsking(false);
    add.reset();
  };
  return (
    <>
      <form onSubmit={submit} noValidate className={classes.token}>
        <div className={classes.pair}>
          <TextInput
            label={t("passkeys.name")}
            value={name}
            maxLength={60}
            onChange={(event) => setName(event.currentTarget.value)}
            error={isMissing && name.trim() === "" ? t("errors:required") : null}
          />
          <Button type="submit" variant="default">
            {t("passkeys.add")}
          </Button>
        </div>
      </form>
      {asking && (
        <Modal opened onClose={close} title={t("passkeys.add")} closeButtonProps={{ "aria-label": t("common:close") }}>
          <PasswordForm
            submit={t("two_step.go_on")}
            busy={add.isPending}
            error={add.error}
            onPassword={(password) => add.mutate({ name: name.trim(), password }, { onSuccess: () => setAsking(false) })}
          />
        </Modal>
      )}
      {codes.length > 0 && (
        <Modal opened onClose={add.reset} title={t("factors:codes.title")} closeOnClickOutside={false} closeOnEscape={false} withCloseButton={false}>
          <RecoveryCodes codes={codes} account={account} onKept={add.reset} />
        </Modal>
      )}
    </>
  );
}
