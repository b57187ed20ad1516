import { expect, test } from "vitest";

import type { Way } from "../../api/types";
import { chosenWay, orderedWays, startOf } from "./ways";

const way = (id: string, kind: Way["kind"], available = true): Way => ({
  id,
  kind,
  available,
  title: { ko: id, en: id },
  start: kind === "redirect" ? `/oidc/${id}/start` : null,
});
const ways = [way("local", "password"), way("ldap", "password"), way("keycloak", "redirect")];

test("ways stand by kind, in the site's order", () => {
  const { passwords, redirects } = orderedWays(ways, undefined);
  expect(passwords.map(({ id }) => id)).toEqual(["local", "ldap"]);
  expect(redirects.map(({ id }) => id)).toEqual(["keycloak"]);
});

test("who signs in again sees the way of that account, or all where the site has it no more", () => {
  expect(orderedWays(ways, "keycloak")).toMatchObject({ passwords: [], redirects: [{ id: "keycloak" }] });
  expect(orderedWays(ways, "gone").passwords).toHaveLength(2);
});

test("the pick comes before the last one, and that before the first that answers", () => {
  const [down, up] = [way("ldap", "password", false), way("local", "password")];
  expect(chosenWay([down, up], null, null)?.id).toBe("local");
  expect(chosenWay([down, up], null, "ldap")?.id).toBe("ldap");
  expect(chosenWay([down, up], "local", "ldap")?.id).toBe("local");
  expect(chosenWay([down], null, "gone")?.id).toBe("ldap");
  expect(chosenWay([], null, null)).toBeUndefined();
});

test("a redirect keeps where to go on to", () => {
  expect(startOf(ways[2]!, "/jobs?state=ended")).toBe("/oidc/keycloak/start?next=%2Fjobs%3Fstate%3Dended");
});
