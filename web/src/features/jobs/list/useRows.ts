// Which rows of the table are on the page: those in sight, and the focused one with its neighbours, so that the keys
// go on from it after scrolling. The page scrolls, not the table.

import { defaultRangeExtractor, useWindowVirtualizer, type Range } from "@tanstack/react-virtual";
import { useCallback, useLayoutEffect, useRef, useState, type FocusEvent } from "react";

import type { Job } from "../../../api/types";
import { rowOf } from "./useTableKeys";

const ROW_PX = 46;
const OVERSCAN = 12;

export function useRows(jobs: readonly Job[]) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [top, setTop] = useState(0);
  const [focused, setFocused] = useState<string | null>(null);
  const focusedIndex = focused === null ? -1 : jobs.findIndex(({ id }) => id === focused);

  // What stands above the table comes and goes, and the page grows and shrinks with it.
  useLayoutEffect(() => {
    const measure = () => setTop(Math.round((body.current?.getBoundingClientRect().top ?? 0) + window.scrollY));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);

  const rangeExtractor = useCallback((range: Range) => withNeighbours(defaultRangeExtractor(range), focusedIndex, range.count), [focusedIndex]);
  // oxlint-disable-next-line react/incompatible-library -- nothing here is compiled to memoise
  const rows = useWindowVirtualizer({
    count: jobs.length,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => jobs[index]!.id,
    overscan: OVERSCAN,
    scrollMargin: top,
    rangeExtractor,
  });
  const onFocus = (event: FocusEvent) => setFocused(jobs[rowOf(event.target)]?.id ?? null);
  const onBlur = () => setFocused(null);
  return { body, rows, top, focusHandlers: { onFocus, onBlur } };
}

export function withNeighbours(indexes: number[], focused: number, count: number): number[] {
  if (focused < 0) return indexes;
  const kept = [focused - 1, focused, focused + 1].filter((index) => index >= 0 && index < count);
  return [...new Set([...indexes, ...kept])].toSorted((a, b) => a - b);
}
