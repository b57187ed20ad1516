// The centre's directory and its provider do not answer: the sign-in page says so, and the portal's own operator gets in.

import assert from "node:assert/strict";

import { journey } from "./support/journey.js";
import { callApi } from "./support/pages.js";
import { freePort } from "./support/portal.js";

async function withNobodyThere() {
  const [ldap, issuer] = [await freePort(), await freePort()];
  return {
    files: { secret: "a secret of the client" },
    config: ({ folder }) => `
[[directory]]
id = "centre"
kind = "ldap"
title = { en = "The centre", ko = "센터" }
urls = ["ldaps://127.0.0.1:${ldap}"]
people_base = "ou=people,dc=centre,dc=example"
groups_base = "ou=groups,dc=centre,dc=example"

[[oidc]]
id = "sso"
title = { en = "Single sign-on", ko = "통합 로그인" }
issuer = "http://127.0.0.1:${issuer}/realms/centre"
client_id = "myksc"
client_secret_file = "${folder}/secret"
directory = "centre"
users_cannot_edit_claims = true
`,
  };
}

const AWAY = (way) => `${way} does not answer at the moment. Try again later, or sign in another way.`;

journey("the sign-in page says which ways are closed, and the open one lets in", { timeout: 60_000, portal: withNobodyThere, profile: { width: 360, height: 740 } }, async ({ portal, page }) => {
  const given = await portal.run(["admin", "user", "role", portal.account.name, "operator"]);
  assert.equal(given.code, 0, given.stderr);
  await page.goto(portal.origin);
  await page.getByText(AWAY("Single sign-on")).waitFor();
  assert.ok(await page.getByRole("button", { name: "Sign in with Single sign-on" }).isDisabled());
  await page.getByText("The centre", { exact: true }).click();
  await page.getByText(AWAY("The centre")).waitFor();

  await page.getByText("Account of this portal", { exact: true }).click();
  await page.getByText(AWAY("The centre")).waitFor({ state: "detached" });
  await page.locator("input[autocomplete~=username]").fill(portal.account.name);
  await page.locator("input[autocomplete~=current-password]").fill(portal.account.password);
  await page.locator("form button[type=submit]").click();
  await page.waitForURL(`${portal.origin}/`);
  const { role, provider } = (await callApi(page, "GET", "/session")).body;
  assert.deepEqual([role, provider], ["operator", "local"]);
});
