// The session is over in the middle of work: sign in over the page, and it goes on where it was.

import { Button, Group, Modal, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { tellSiblings } from "../../api/events";
import { queryClient } from "../../api/queryClient";
import { session, signedIn, signInAsked, signInDeclined } from "../../api/session";
import type { Session } from "../../api/types";
import { useStore } from "../../lib/store";
import { SignIn } from "./SignIn";

export function SignInAgainDialog() {
  const { t } = useTranslation();
  const asked = useStore(signInAsked);
  const known = useStore(session);
  return (
    <Modal
      opened={asked}
      onClose={signInDeclined}
      title={t("again.title")}
      closeOnClickOutside={false}
      withCloseButton={false}
      zIndex={400}
    >
      <p className="muted" style={{ marginBlockEnd: "1rem" }}>
        {t("again.why")}
      </p>
      {known && (
        <Stack gap="sm">
          <SignIn account={known.user.name} provider={known.provider} onDone={goOn} />
        </Stack>
      )}
      <Group justify="space-between" mt="md">
        <Button variant="subtle" size="xs" onClick={leaveForAnother}>
          {t("again.other")}
        </Button>
        <Button variant="subtle" color="gray" size="xs" onClick={signInDeclined}>
          {t("again.later")}
        </Button>
      </Group>
    </Modal>
  );
}

function goOn(next: Session): void {
  signedIn(next);
  tellSiblings("in");
  void queryClient.invalidateQueries();
}

function leaveForAnother(): void {
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/sign-in?next=${encodeURIComponent(here)}`);
}
