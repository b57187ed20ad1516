// A whole sign-in: password or another way, then the second step that the portal may ask for.

import { useEffect, useReducer, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "../../api/problem";
import type { Session, SignInStep } from "../../api/types";
import { RecoveryCodes } from "../factors/RecoveryCodes";
import { dropStep, findStep, hasStep, rememberStep } from "./calls";
import { isStep, isStepOver, nextStage, START, stepEndsAt, type Stage } from "./stage";
import { EnrolmentStep } from "./steps/EnrolmentStep";
import { FactorStep } from "./steps/FactorStep";
import { Ways } from "./Ways";
import classes from "./SignInPage.module.css";

interface Props {
  /** The account that has to sign in; its name can't be changed then. */
  account?: string;
  /** The way that this account signs in. */
  provider?: string | undefined;
  /** Where a way that leaves the page comes back to. */
  next?: string;
  /** Stands on a page of its own, whose heading it gives; in a dialog only the later stages have one. */
  isPage?: boolean;
  /** What stands above the ways in. */
  lead?: ReactNode;
  /** What stands below them. */
  foot?: ReactNode;
  onDone: (session: Session) => void;
}

export function SignIn({ account, provider, next, isPage = false, lead, foot, onDone }: Props) {
  const { t } = useTranslation("signin");
  const { stage, isLooking, asked, change } = useStages();
  const [name, setName] = useState(account ?? "");
  const [onceKept, setOnceKept] = useState<Session | null>(null);

  const done = (session: Session) => {
    rememberStep(null);
    onDone(session);
  };
  const answered = (answer: Session | SignInStep) => (isStep(answer) ? asked(answer) : done(answer));
  const lapse = (error: Error) => void (isStepOver(error) && change({ type: "lapsed" }));
  const leave = () => {
    change({ type: "left" });
    void dropStep();
  };

  // The page must not ask before it goes on by itself: first the codes leave it, then it goes.
  useEffect(() => {
    if (onceKept) done(onceKept);
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [onceKept]);

  if (isLooking || onceKept) return isPage && <h1 id="sign-in">{t("title")}</h1>;
  return (
    <>
      <StageHeading at={stage.at} isPage={isPage} />
      {stage.at === "password" && lead}
      {stage.at === "password" && stage.isLapsed && (
        <p role="alert" className="small">
          {t("lapsed")}
        </p>
      )}
      {stage.at === "password" && (
        <Ways
          name={name}
          onName={setName}
          isFixed={account !== undefined}
          provider={provider}
          {...(next === undefined ? {} : { next })}
          onAnswer={answered}
        />
      )}
      {stage.at === "password" && foot}
      {stage.at === "factor" && (
        <FactorStep
          stage={stage}
          onWay={(way) => change({ type: "way", way })}
          onDone={done}
          onError={lapse}
          onLeave={leave}
        />
      )}
      {stage.at === "enrolment" && (
        <EnrolmentStep
          onEnrolled={(session, codes) => {
            rememberStep(null);
            change({ type: "enrolled", session, codes });
          }}
          onError={lapse}
          onLeave={leave}
        />
      )}
      {stage.at === "codes" && (
        <RecoveryCodes codes={stage.codes} account={stage.session.user.name} onKept={() => setOnceKept(stage.session)} />
      )}
    </>
  );
}

/** Where a stage has no field that takes the focus, its heading does, so that it is read from the beginning. */
function StageHeading({ at, isPage }: { at: Stage["at"]; isPage: boolean }) {
  const { t } = useTranslation("signin");
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (at === "enrolment" || at === "codes") heading.current?.focus();
  }, [at]);
  const look = { ref: heading, tabIndex: -1, className: classes.heading! };
  if (isPage) {
    return (
      <h1 id="sign-in" {...look}>
        {t(`stage.${at}`)}
      </h1>
    );
  }
  return at !== "password" && <h3 {...look}>{t(`stage.${at}`)}</h3>;
}

/** The stages of this sign-in: one that a reload interrupted goes on, and one whose time is over ends. */
function useStages() {
  const [stage, change] = useReducer(nextStage, START);
  const [isLooking, setLooking] = useState(hasStep);
  const asked = (step: SignInStep) => {
    rememberStep(step);
    change({ type: "asked", step });
  };

  useEffect(() => {
    let isCurrent = true;
    const found = (step: SignInStep | null) => isCurrent && step && change({ type: "asked", step });
    const missed = (error: unknown) => isCurrent && error instanceof ApiError && isStepOver(error) && change({ type: "lapsed" });
    void findStep()
      .then(found, missed)
      .finally(() => isCurrent && setLooking(false));
    return () => void (isCurrent = false);
  }, []);

  const endsAt = stepEndsAt(stage);
  useEffect(() => {
    if (endsAt === null) return;
    const timer = setTimeout(() => change({ type: "lapsed" }), Math.max(0, endsAt - Date.now()));
    return () => clearTimeout(timer);
  }, [endsAt]);

  useEffect(() => {
    if (stage.at === "password" && stage.isLapsed) rememberStep(null);
  }, [stage]);

  return { stage, isLooking, asked, change };
}
