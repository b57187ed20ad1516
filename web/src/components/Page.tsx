// A page of the portal: its title in the window and as heading, and room around it.

import { useEffect, type ReactNode } from "react";

import { createStore, useStore } from "../lib/store";
import { useSite } from "./useSite";
import classes from "./Page.module.css";

interface Props {
  title: string;
  /** What stands in place of the plain heading, where a page has its own. */
  heading?: ReactNode;
  actions?: ReactNode;
  /** `full` uses the whole width and height of the window. */
  width?: "text" | "wide" | "full";
  children: ReactNode;
}

export function Page({ title, heading, actions, width = "wide", children }: Props) {
  useTitle(title);
  return (
    <div className={classes.page} data-width={width}>
      <header className={classes.header}>
        {heading ?? <h1>{title}</h1>}
        {actions && <div className={classes.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** What goes before the window's title for a while, so that it is seen from another window. */
export const titleNote = createStore<string | null>(null);

/** The window's title: what is shown, then whose portal it is. */
export function useTitle(title: string): void {
  const { name } = useSite();
  const note = useStore(titleNote);
  useEffect(() => {
    const parts = [note, title, name === title ? null : name];
    document.title = parts.filter(Boolean).join(" · ");
  }, [title, name, note]);
}
