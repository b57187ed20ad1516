// Loads a part of the page when it is first wanted: fetched on the way to it, shown on the press.

import { useState } from "react";

export function useOnDemand(load: () => Promise<unknown>) {
  const [isWanted, setWanted] = useState(false);
  const fetchAhead = () => void load().catch(() => undefined);
  return { isWanted, handlers: { onClick: () => setWanted(true), onPointerEnter: fetchAhead, onFocus: fetchAhead } };
}
