// Output of a program, followed at its end unless the reader scrolled up.

import { Button } from "@mantine/core";
import { useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { plainText } from "../lib/plainText";
import type { Tail } from "../lib/useTail";
import { Icon } from "../ui/icons";
import { CopyButton } from "./CopyButton";
import { ProblemNote } from "./ProblemNote";
import classes from "./Terminal.module.css";

const CLOSE_TO_END_PX = 24;

interface Props {
  title: string;
  tail: Tail;
  actions?: ReactNode;
}

export function Terminal({ title, tail, actions }: Props) {
  const { t } = useTranslation("apps");
  const { screen, isFollowing, onScroll, toEnd } = useFollowing();
  const text = plainText(tail.text);
  return (
    <div className={classes.terminal}>
      <header className={classes.head}>
        <h2>{title}</h2>
        <span className="muted small" role="status">
          {tail.ended ? t("log.ended") : isFollowing ? t("log.following") : t("log.paused")}
        </span>
        <div className={classes.actions}>
          {!isFollowing && (
            <Button size="xs" variant="default" leftSection={<Icon name="down" size={16} />} onClick={toEnd}>
              {t("log.to_end")}
            </Button>
          )}
          <CopyButton text={() => text} />
          {actions}
        </div>
      </header>
      <ProblemNote error={tail.error} />
      <div ref={screen} className={classes.screen} onScroll={onScroll} tabIndex={0} role="region" aria-label={title}>
        {tail.isCut && <p className={classes.cut}>{t("log.earlier")}</p>}
        {text ? <pre className={classes.text}>{text}</pre> : !tail.loading && <p className={classes.cut}>{t("log.empty")}</p>}
      </div>
    </div>
  );
}

function useFollowing() {
  const screen = useRef<HTMLDivElement>(null);
  const [isFollowing, setFollowing] = useState(true);
  const toEnd = () => {
    setFollowing(true);
    if (screen.current) screen.current.scrollTop = screen.current.scrollHeight;
  };
  useLayoutEffect(() => {
    if (isFollowing && screen.current) screen.current.scrollTop = screen.current.scrollHeight;
  });
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = screen.current!;
    setFollowing(scrollHeight - scrollTop - clientHeight < CLOSE_TO_END_PX);
  };
  return { screen, isFollowing, onScroll, toEnd };
}
