// A portal's configuration for the testbed's centre.

import assert from "node:assert/strict";

import { callApi } from "../../browser/support/pages.js";
import { until } from "../../browser/support/until.js";
import { testbed } from "./exports.js";
import { kubectl } from "./cluster.js";

/** The centre's directory; its service account's password is a file of the portal's, see `DIRECTORY_FILES`. */
export const directory = (folder) => `
[identity]
home_roots = ["${testbed.HOME_ROOT}"]
refresh_secs = 1

[[directory]]
id = "centre"
kind = "ldap"
title = { en = "The centre", ko = "센터" }
urls = ["${testbed.LDAPS_URL}"]
ca_file = "${testbed.LDAP_CA}"
bind_dn = "${testbed.LDAP_BIND_DN}"
bind_password_file = "${folder}/ldap.password"
people_base = "ou=people,${testbed.LDAP_BASE}"
groups_base = "ou=groups,${testbed.LDAP_BASE}"

[[roles]]
role = "operator"
groups = ["operators"]
`;

export const DIRECTORY_FILES = { "ldap.password": testbed.LDAP_BIND_PASSWORD };

/** Types a password of the centre into the portal's sign-in page. */
export async function enterPassword(page, portal, name, password) {
  // Chromium breaks off what it loads when the machine gets a network device, as it does with every pod.
  await until("the sign-in page", async () => {
    await page.goto(portal.origin);
    await page.waitForURL(/\/sign-in/, { timeout: 10_000 });
    return true;
  });
  await page.getByText("The centre", { exact: true }).click();
  await page.locator("input[autocomplete~=username]").fill(name);
  await page.locator("input[autocomplete~=current-password]").fill(password);
  await page.locator("form button[type=submit]").click();
}

/** JupyterLab, or what else is wanted, on half a core, of which the testbed's node has room for several. */
export async function launchSmall(page, name, template = "jupyter", { values = {}, memoryMib = 512 } = {}) {
  const resources = { cpu_millis: 500, memory_bytes: memoryMib << 20, gpus: 0 };
  const { status, body } = await callApi(page, "POST", "/apps", { template, name, resources, values });
  assert.equal(status, 202, JSON.stringify(body));
}

/** What people may run as images of their own. */
export const allowedImages = () => [testbed.REGISTRY, testbed.PRIVATE_REGISTRY].map((registry) => `${registry}/myksc-testbed/**`);

/** The centre's cluster. The portal reaches it with a kubeconfig of its own beside its configuration. */
const cluster = (folder, prefix, images) => `
[kubernetes]
kubeconfig = "${folder}/kubeconfig"
namespace_prefix = "${prefix}"
registry = "${testbed.IMAGE_AGENT.split("/").slice(0, 2).join("/")}"
images = ${JSON.stringify(images)}
agent_image = "${testbed.IMAGE_AGENT}"
gateway_networks = ["${testbed.NODE_ADDRESS}/32"]
gateway_pods = { namespace = "${prefix}gateway", labels = { app = "gateway" } }
dns_servers = ["${testbed.DNS_SERVER}"]
`;

/** An account of the machine that owns nothing: not the people's homes, and not the machine. */
export const NOBODY = { name: "nobody", uid: 65534, gid: 65534 };

/**
 * Settings of a portal for the centre's people whose apps run on its cluster, in namespaces that begin with `prefix`.
 * `more` stands at the end of its configuration.
 */
export async function portalOnCluster(prefix, { images = allowedImages(), more = "" } = {}) {
  const kubeconfig = await kubectl("config", "view", "--raw", "--flatten");
  return {
    account: null,
    person: NOBODY,
    files: { ...DIRECTORY_FILES, kubeconfig },
    config: ({ folder }) => directory(folder) + cluster(folder, prefix, images) + more,
  };
}
