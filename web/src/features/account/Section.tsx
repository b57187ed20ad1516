// A part of the account page: what it is on the left, what can be done on the right.

import { useId, type ReactNode } from "react";

import classes from "./Section.module.css";

interface Props {
  title: string;
  hint?: string;
  children: ReactNode;
}

export function Section({ title, hint, children }: Props) {
  const id = useId();
  return (
    <section className={classes.section} aria-labelledby={id}>
      <div>
        <h2 id={id}>{title}</h2>
        {hint && <p className="muted small">{hint}</p>}
      </div>
      <div className={classes.body}>{children}</div>
    </section>
  );
}
