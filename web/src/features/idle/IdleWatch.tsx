// Watches over the idle time of the session; what asks the person is loaded when it is needed.

import { lazy, Suspense, useCallback, useEffect, useState } from "react";

import { api, ok } from "../../api/client";
import { tellSiblings } from "../../api/events";
import { fetchSession } from "../../api/fetch";
import { didAnythingSince } from "../../api/presence";
import { session, signInAgain, signInAsked } from "../../api/session";
import { useStore } from "../../lib/store";
import { idleAt, idleEnd } from "./idle";

const ASK_EACH_MS = 4_000;

const IdleDialog = lazy(() => import("./IdleDialog").then((module) => ({ default: module.IdleDialog })));

export function IdleWatch() {
  const known = useStore(session);
  const isAsked = useStore(signInAsked);
  const end = known?.idle_ends_at ?? null;
  const [shownFor, setShownFor] = useState<string | null>(null);
  // Who does not want to sign in again is not asked twice about the same end.
  const [overFor, setOverFor] = useState<string | null>(null);
  const isQuiet = end === null || isAsked || overFor === end;
  const isShown = !isQuiet && shownFor === end;

  const refresh = useCallback(async () => {
    const now = await fetchSession({ background: true });
    if (now) return session.set(now);
    setOverFor(end);
    await signInAgain().catch(() => undefined);
  }, [end]);

  // A minute before the end as far as this tab knows: it may be later by what was done in other windows.
  useEffect(() => {
    if (isQuiet) return;
    const learntAt = Date.now();
    const idle = idleAt(idleEnd(session.get()), learntAt);
    const look = async () => {
      await (didAnythingSince(learntAt) ? extend() : refresh()).catch(() => undefined);
      setShownFor(end); // Only if the end is still the same one.
    };
    const timer = setTimeout(() => void look(), idle.kind === "quiet" ? idle.lookInMs : 0);
    return () => clearTimeout(timer);
  }, [end, isQuiet, refresh]);

  useEffect(() => {
    if (!isShown) return;
    const ask = () => void refresh().catch(() => undefined);
    const timer = setInterval(ask, ASK_EACH_MS);
    const last = setTimeout(ask, Math.max(0, (idleEnd(session.get()) ?? 0) - Date.now()) + 500);
    return () => {
      clearInterval(timer);
      clearTimeout(last);
    };
  }, [isShown, refresh]);

  return <Suspense>{isShown && known && <IdleDialog session={known} onExtend={extend} />}</Suspense>;
}

async function extend(): Promise<void> {
  const now = await ok(api.POST("/api/v1/session/extend"));
  session.set(now);
  tellSiblings("extended");
}
