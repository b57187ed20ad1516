// The ways in: one form for all that take name and password, a button for each that leads elsewhere.

import { Divider, SegmentedControl, Select, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import "@mantine/core/styles/Divider.css";

import type { Session, SignInStep, Way } from "../../api/types";
import { siteQuery } from "../../components/useSite";
import { useText } from "../../i18n/useLanguage";
import { PasswordForm } from "./PasswordForm";
import { RedirectWay } from "./RedirectWay";
import { chosenWay, keepChoice, orderedWays } from "./ways";
import classes from "./SignInPage.module.css";

const ASK_AGAIN_MS = 15_000;
const MOST_SIDE_BY_SIDE = 2;

interface Props {
  name: string;
  onName: (name: string) => void;
  isFixed: boolean;
  provider?: string | undefined;
  next?: string;
  onAnswer: (answer: Session | SignInStep) => void;
}

export function Ways({ name, onName, isFixed, provider, next, onAnswer }: Props) {
  const { t } = useTranslation("signin");
  const { passwords, redirects } = useWays(isFixed ? provider : undefined);
  const [picked, setPicked] = useState<string | null>(null);
  const way = chosenWay(passwords, picked);
  const pick = (id: string) => {
    setPicked(id);
    keepChoice(id);
  };
  const showsForm = passwords.length > 0 || redirects.length === 0;
  return (
    <Stack gap="md">
      {showsForm && (
        <PasswordForm
          name={name}
          onName={onName}
          isFixed={isFixed}
          way={way}
          chooser={passwords.length > 1 && way && <WayChooser ways={passwords} value={way.id} onChange={pick} />}
          onAnswer={onAnswer}
        />
      )}
      {showsForm && redirects.length > 0 && <Divider label={t("or")} classNames={{ label: classes.or! }} />}
      {redirects.map((one) => (
        <RedirectWay key={one.id} way={one} next={next} inPlace={isFixed} isMain={!showsForm} />
      ))}
    </Stack>
  );
}

function WayChooser({ ways, value, onChange }: { ways: Way[]; value: string; onChange: (id: string) => void }) {
  const { t } = useTranslation("signin");
  const text = useText();
  const data = ways.map((way) => ({ value: way.id, label: text(way.title) }));
  if (ways.length > MOST_SIDE_BY_SIDE) {
    return <Select label={t("way")} size="md" allowDeselect={false} data={data} value={value} onChange={(id) => id && onChange(id)} />;
  }
  return <SegmentedControl fullWidth aria-label={t("way")} data={data} value={value} onChange={onChange} />;
}

/** The site's ways, looked at again while one of them does not answer; of one account only the way that it has. */
function useWays(provider: string | undefined) {
  const { data } = useQuery({
    ...siteQuery,
    staleTime: 0,
    refetchInterval: ({ state }) => (state.data?.sign_in.some(({ available }) => available === false) ? ASK_AGAIN_MS : false),
  });
  return orderedWays(data?.sign_in ?? [], provider);
}
