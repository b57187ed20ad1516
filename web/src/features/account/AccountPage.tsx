// The person's own account: who they are, how the portal looks, how and where they are signed in, what may act for them.

import { useTranslation } from "react-i18next";

import { session } from "../../api/session";
import { Page } from "../../components/Page";
import { useSite } from "../../components/useSite";
import { useText } from "../../i18n/useLanguage";
import { useStore } from "../../lib/store";
import { DisplaySection } from "./DisplaySection";
import { PasskeysSection } from "./factors/PasskeysSection";
import { TwoStepSection } from "./factors/TwoStepSection";
import { PasswordSection } from "./PasswordSection";
import { PreferencesSection } from "./PreferencesSection";
import { ProfileSection } from "./ProfileSection";
import { RegistriesSection } from "./RegistriesSection";
import { Section } from "./Section";
import { SessionsSection } from "./SessionsSection";
import { TokensSection } from "./TokensSection";

const LOCAL = "local";

export function AccountPage() {
  const { t } = useTranslation("account");
  const text = useText();
  const provider = useStore(session)?.provider ?? LOCAL;
  const way = useSite().site?.sign_in.find(({ id }) => id === provider);
  return (
    <Page title={t("title")} width="text">
      <ProfileSection />
      <DisplaySection />
      {way?.kind === "redirect" ? (
        <Section title={t("elsewhere.title")}>
          <p>{t("elsewhere.text", { way: text(way.title) })}</p>
        </Section>
      ) : (
        <>
          {provider === LOCAL && <PasswordSection />}
          <TwoStepSection />
          <PasskeysSection />
        </>
      )}
      <SessionsSection />
      <PreferencesSection />
      <RegistriesSection />
      <TokensSection />
    </Page>
  );
}
