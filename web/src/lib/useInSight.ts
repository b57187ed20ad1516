// Whether an element is on the screen, or so near that it soon will be.

import { useEffect, useRef, useState, type RefObject } from "react";

export function useInSight<E extends Element>(nearPx: number): [RefObject<E | null>, boolean] {
  const element = useRef<E>(null);
  const [isInSight, setInSight] = useState(false);
  useEffect(() => {
    if (!element.current) return;
    const observer = new IntersectionObserver((changes) => setInSight(changes.at(-1)!.isIntersecting), { rootMargin: `${nearPx}px` });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [nearPx]);
  return [element, isInSight];
}
