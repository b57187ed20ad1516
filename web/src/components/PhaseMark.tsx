// The sign of an app's or job's state: a shape and a word, with a colour on top.

import type { ReactNode } from "react";

import classes from "./PhaseMark.module.css";

export type Tone = "ready" | "busy" | "fail" | "idle";
export type Shape = "dot" | "pie" | "half" | "square" | "triangle" | "ring";

interface Props {
  tone: Tone;
  shape: Shape;
  /** For `pie`: how much is filled, 0 to 1. */
  filled?: number;
  children: ReactNode;
}

export function PhaseMark({ tone, shape, filled = 0, children }: Props) {
  return (
    <span className={classes.mark} data-tone={tone}>
      <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true" focusable="false">
        <Sign shape={shape} filled={filled} />
      </svg>
      <span>{children}</span>
    </span>
  );
}

function Sign({ shape, filled }: { shape: Shape; filled: number }) {
  switch (shape) {
    case "dot":
      return <circle cx="6" cy="6" r="5" fill="currentColor" />;
    case "half":
      return (
        <>
          <circle cx="6" cy="6" r="4.8" fill="none" stroke="currentColor" strokeWidth="1.4" />
          <path d="M6 1.2a4.8 4.8 0 0 0 0 9.6z" fill="currentColor" />
        </>
      );
    case "square":
      return <rect x="1.5" y="1.5" width="9" height="9" rx="1" fill="none" stroke="currentColor" strokeWidth="1.5" />;
    case "triangle":
      return <path d="M6 .8l5.6 10.4H.4z" fill="currentColor" />;
    case "ring":
      return <circle cx="6" cy="6" r="4.8" fill="none" stroke="currentColor" strokeWidth="1.5" />;
    case "pie":
      return (
        <>
          <circle cx="6" cy="6" r="5.2" fill="none" stroke="currentColor" strokeWidth="1.2" />
          <circle
            cx="6"
            cy="6"
            r="1.9"
            fill="none"
            stroke="currentColor"
            strokeWidth="3.8"
            strokeDasharray={`${filled * 11.94} 11.94`}
            transform="rotate(-90 6 6)"
          />
        </>
      );
  }
}
