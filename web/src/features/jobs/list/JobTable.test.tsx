import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render } from "@testing-library/react";
import type { Ref } from "react";
import { afterEach, beforeAll, expect, test, vi } from "vitest";

import type { Job } from "../../../api/types";
import { startLanguages } from "../../../i18n";
import { JobTable } from "./JobTable";
import { withNeighbours } from "./useRows";

vi.mock("@tanstack/react-router", () => ({ useNavigate: () => () => {} }));

// A whole row takes long to make outside of a browser.
vi.mock("./JobRow", () => ({
  JobRow: ({ ref, index, job }: { ref: Ref<HTMLTableRowElement>; index: number; job: Job }) => (
    <tr ref={ref} data-index={index}>
      <td>
        <a href="#job">{job.name}</a>
      </td>
    </tr>
  ),
}));

const ROW_PX = 46;
const jobs = Array.from({ length: 10_000 }, (_, index) => ({ id: `job-${index}`, name: `job ${index}`, phase: "queued" }) as Job);

beforeAll(startLanguages);

function show() {
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(ROW_PX);
  render(
    <MantineProvider>
      <QueryClientProvider client={new QueryClient()}>
        <JobTable jobs={jobs} isWhole />
      </QueryClientProvider>
    </MantineProvider>,
  );
}

afterEach(() => {
  cleanup();
  window.scrollTo(0, 0);
});

const links = () => [...document.querySelectorAll<HTMLElement>("tbody a")];
const shown = () => links().map((link) => link.textContent);

async function scrollTo(row: number) {
  await act(async () => {
    window.scrollTo(0, row * ROW_PX);
    window.dispatchEvent(new Event("scroll"));
  });
}

test("of ten thousand jobs those in sight are on the page, and the table says how many there are", async () => {
  show();
  expect(shown()[0]).toBe("job 0");
  expect(shown().length).toBeLessThan(60);
  expect(document.querySelector("table")!.getAttribute("aria-rowcount")).toBe("10001");
  await scrollTo(5_000);
  expect(shown()).toContain("job 5000");
  expect(shown()).not.toContain("job 0");
  expect(shown().length).toBeLessThan(80);
});

test("the keys walk on from the focused row, also when it was scrolled out of sight", async () => {
  show();
  const second = links()[1]!;
  await act(async () => second.focus());
  await scrollTo(5_000);
  expect(shown()).toEqual(expect.arrayContaining(["job 0", "job 1", "job 2", "job 5000"]));
  await act(async () => void fireEvent.keyDown(second, { key: "j" }));
  expect(document.activeElement!.textContent).toBe("job 2");
});

test("a row is kept only with neighbours that exist", () => {
  expect(withNeighbours([4, 5], -1, 9)).toEqual([4, 5]);
  expect(withNeighbours([4, 5], 0, 9)).toEqual([0, 1, 4, 5]);
  expect(withNeighbours([4, 5], 8, 9)).toEqual([4, 5, 7, 8]);
});
