import { expect, test } from "vitest";

import { josa } from "./josa";

test.each([
  ["Keycloak", "Keycloak으로", "Keycloak이", "Keycloak을"],
  ["LDAP", "LDAP으로", "LDAP이", "LDAP을"],
  ["포털 계정", "포털 계정으로", "포털 계정이", "포털 계정을"],
  ["구글", "구글로", "구글이", "구글을"],
  ["센터", "센터로", "센터가", "센터를"],
  ["통합 인증(SSO)", "통합 인증(SSO)으로", "통합 인증(SSO)이", "통합 인증(SSO)을"],
  ["kim", "kim으로", "kim이", "kim을"],
])("%s takes %s, %s and %s", (word, ro, i, eul) => {
  expect([josa.ro(word), josa.i(word), josa.eul(word)]).toEqual([ro, i, eul]);
});
