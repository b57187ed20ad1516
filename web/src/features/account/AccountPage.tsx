// The person's own account: who they are, how the portal looks, where they are signed in, what may act for them.

import { useTranslation } from "react-i18next";

import { Page } from "../../components/Page";
import { DisplaySection } from "./DisplaySection";
import { PasswordSection } from "./PasswordSection";
import { ProfileSection } from "./ProfileSection";
import { SessionsSection } from "./SessionsSection";
import { TokensSection } from "./TokensSection";

export function AccountPage() {
  const { t } = useTranslation("account");
  return (
    <Page title={t("title")} width="text">
      <ProfileSection />
      <DisplaySection />
      <SessionsSection />
      <PasswordSection />
      <TokensSection />
    </Page>
  );
}
