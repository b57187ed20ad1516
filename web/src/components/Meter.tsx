// A gauge of cells: what is used, what would be taken, what is left. Over the limit it says so.

import classes from "./Meter.module.css";

const MOST_CELLS = 24;

interface Props {
  used: number;
  /** What the thing being asked for would take on top. */
  asked?: number;
  limit: number;
  /** Whole things that one cell stands for; a plain bar when there are too many. */
  unit?: number;
  label: string;
}

export function Meter({ used, asked = 0, limit, unit, label }: Props) {
  const cells = unit && limit > 0 ? Math.ceil(limit / unit) : 0;
  const isOver = used + asked > limit;
  const percent = limit > 0 ? Math.min(100, ((used + asked) / limit) * 100) : 0;
  return (
    <div
      className={classes.meter}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={limit}
      aria-valuenow={Math.min(used + asked, limit)}
      aria-valuetext={label}
      data-over={isOver || undefined}
    >
      {cells > 0 && cells <= MOST_CELLS ? (
        <Cells count={cells} unit={unit!} used={used} asked={asked} />
      ) : (
        <span className={classes.bar}>
          <span className={classes.used} style={{ inlineSize: `${limit > 0 ? Math.min(100, (used / limit) * 100) : 0}%` }} />
          {asked > 0 && <span className={classes.asked} style={{ inlineSize: `${Math.max(0, percent - (used / limit) * 100)}%` }} />}
        </span>
      )}
    </div>
  );
}

function Cells({ count, unit, used, asked }: { count: number; unit: number; used: number; asked: number }) {
  const share = (amount: number, index: number) => Math.max(0, Math.min(1, amount / unit - index)) * 100;
  return Array.from({ length: count }, (_, index) => {
    const usedShare = share(used, index);
    return (
      <span key={index} className={classes.cell}>
        <span className={classes.used} style={{ inlineSize: `${usedShare}%` }} />
        <span className={classes.asked} style={{ inlineSize: `${share(used + asked, index) - usedShare}%` }} />
      </span>
    );
  });
}
