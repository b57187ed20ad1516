// The door: whose portal it is, and the way in.

import { useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { startEvents, tellSiblings } from "../../api/events";
import { queryClient } from "../../api/queryClient";
import { session } from "../../api/session";
import type { Session } from "../../api/types";
import { AwayBanner } from "../../components/AwayBanner";
import { LanguageButton } from "../../components/LanguageButton";
import { NoticeBoard } from "../../components/NoticeBoard";
import { useTitle } from "../../components/Page";
import { useNotices } from "../../components/useNotices";
import { useSite } from "../../components/useSite";
import { needsNavigation, safeNext } from "../../lib/next";
import { Mark } from "../../ui/Mark";
import { ProblemOfAddress } from "./ProblemOfAddress";
import { SignIn } from "./SignIn";
import classes from "./SignInPage.module.css";
import { SystemChoice } from "./SystemChoice";

export function SignInPage() {
  const { t } = useTranslation("signin");
  const { site, name } = useSite();
  const notices = useNotices();
  const { next: wanted, problem, provider } = useSearch({ from: "/sign-in" });
  const next = safeNext(wanted);
  const goOn = useGoOn(next);
  useTitle(t("title"));
  return (
    <div className={classes.page}>
      <AwayBanner />
      <main className={classes.door}>
        <div className={classes.centre}>
          <Mark size={34} />
          <p className={classes.name}>{name || "MyKSC"}</p>
          <p className={classes.lead}>{t("lead")}</p>
        </div>
        <section className={classes.form} aria-labelledby="sign-in">
          <NoticeBoard notices={notices} />
          <SignIn
            next={next}
            isPage
            lead={
              <>
                <ProblemOfAddress code={problem} provider={provider} />
                {next !== "/" && <p className="muted small">{t("going_on")}</p>}
              </>
            }
            foot={
              <>
                <SystemChoice systems={site?.systems ?? []} />
                <p className="muted small">{t("help")}</p>
              </>
            }
            onDone={goOn}
          />
        </section>
      </main>
      <div className={classes.scale} aria-hidden="true" />
      <footer className={classes.foot}>
        <LanguageButton />
        <span className="muted small">{site ? `MyKSC ${site.version}` : ""}</span>
      </footer>
    </div>
  );
}

function useGoOn(next: string): (found: Session) => void {
  const navigate = useNavigate();
  const router = useRouter();
  return (found) => {
    queryClient.clear();
    session.set(found);
    tellSiblings("in");
    if (needsNavigation(next)) return window.location.assign(next);
    startEvents();
    if (next === "/") void navigate({ to: "/", replace: true });
    else router.history.replace(next);
  };
}
