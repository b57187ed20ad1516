// Asks for a code of the authenticator app in a dialog.

import { Button, Group, Stack } from "@mantine/core";
import { useState, type FormEvent } from "react";

import { useFieldErrors } from "../../../components/fields";
import { ProblemNote } from "../../../components/ProblemNote";
import { CodeField } from "../../factors/CodeField";
import { CODE_DIGITS } from "../../factors/code";

interface Props {
  submit: string;
  /** What can't be undone is red, and waits for the press of its button. */
  danger?: boolean;
  busy: boolean;
  error: unknown;
  onCode: (code: string) => void;
}

export function CodeForm({ submit, danger = false, busy, error, onCode }: Props) {
  const [code, setCode] = useState("");
  const told = useFieldErrors(error)("code");
  const send = (whole: string) => !busy && onCode(whole);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (code.length === CODE_DIGITS) send(code);
  };
  return (
    <form onSubmit={onSubmit} noValidate>
      <Stack gap="md">
        <CodeField value={code} onChange={setCode} onWhole={danger ? () => undefined : send} error={told} autoFocus />
        {!told && <ProblemNote error={error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={busy} disabled={code.length < CODE_DIGITS} {...(danger ? { color: "red" } : {})}>
            {submit}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
