import { expect, test } from "vitest";

import type { App } from "../../../api/types";
import { usedValues } from "./form";

const app = (template: string, launched_at: string, values: Record<string, unknown>) => ({ template, launched_at, values }) as unknown as App;

test("what was used in a field is offered once, the newest first", () => {
  const apps = [
    app("image", "2026-01-01T00:00:00Z", { image: "a:1" }),
    app("image", "2026-01-03T00:00:00Z", { image: "b:1" }),
    app("image", "2026-01-02T00:00:00Z", { image: "a:1" }),
    app("image", "2026-01-04T00:00:00Z", {}),
    app("command", "2026-01-05T00:00:00Z", { image: "c:1" }),
  ];
  expect(usedValues(apps, "image", "image")).toEqual(["b:1", "a:1"]);
});
