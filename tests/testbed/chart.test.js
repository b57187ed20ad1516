// The portal's chart and the examples beside it, as the API server of a cluster with Istio, the Gateway API and Calico
// takes them.

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";

import { renderChart } from "./support/chart.js";
import { kubectl } from "./support/cluster.js";
import { printVersions, root, testbed } from "./support/exports.js";
import { run } from "./support/programs.js";

const limits = { timeout: 120_000 };
const EXAMPLES = `${root}/deploy/examples`;

/** What every installation of the portal says. */
const values = ({ front, portal, ...more } = {}) => ({
  portal: {
    origin: "https://portal.example.org",
    appsDomain: "apps.example.net",
    image: { repository: "registry.example.org/myksc/portal" },
    ...portal,
  },
  images: { agent: { repository: "registry.example.org/myksc/agent" } },
  front: { trustedProxies: ["10.244.0.0/16"], ...front },
  ...more,
});

before(() => printVersions("kubernetes", "istio"));

for (const [what, front, kinds] of [
  ["a Service", { kind: "service", service: { type: "LoadBalancer" }, tls: { secretName: "tls" } }, []],
  ["Istio", { kind: "istio", istio: { gateways: ["istio-system/ingress"] } }, ["VirtualService"]],
  ["the Gateway API", { kind: "gatewayApi", gatewayApi: { parentRefs: [{ name: "routes", namespace: "istio-system" }] } }, ["HTTPRoute"]],
]) {
  test(`behind ${what} the whole chart is taken by the API server, and its configuration by the portal`, limits, async (t) => {
    const manifests = await renderChart(values({ front }));
    const made = await taken(manifests);
    const deployment = made.find(({ kind }) => kind === "Deployment");
    const { securityContext, containers } = deployment.spec.template.spec;
    assert.equal(securityContext.runAsNonRoot, true);
    const [{ securityContext: own }] = containers;
    assert.deepEqual(own, { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] }, readOnlyRootFilesystem: true });
    const fronts = made.map(({ kind }) => kind).filter((kind) => ["VirtualService", "HTTPRoute"].includes(kind));
    assert.deepEqual(fronts, kinds);
    assert.ok(!made.some(({ kind }) => kind === "Secret"), "no secret comes with the chart");
    await assertConfiguration(t, made);
  });
}

test("values that can't work are refused, and the reason names them", limits, async () => {
  for (const [wrong, reason] of [
    [{}, /portal\.origin/],
    [values({ portal: { origin: "http://portal.example.org" } }), /origin/],
    [values({ portal: { image: {} } }), /portal\.image\.repository/],
    [values({ portal: { uid: 0 } }), /portal\/uid/],
    [values({ front: { trustedProxies: [] } }), /front\.trustedProxies/],
    [values({ front: { kind: "istio" } }), /front\.istio\.gateways/],
    [values({ front: { kind: "ingress" } }), /front\/kind/],
    [values({ network: { gateway: ["here"] } }), /network\/gateway/],
    [values({ people: { minUid: 0 } }), /people\/minUid/],
    [values({ people: { namespacePrefix: "9" } }), /people\/namespacePrefix/],
    [values({ storage: { roots: ["/"] } }), /storage\/roots/],
    [values({ storage: { roots: ["/etc"] } }), /storage\/roots/],
    [values({ storage: { shared: ["/data/.."] } }), /storage\/shared/],
    [values({ images: { allowed: ["python:*"] } }), /images\/allowed/],
    [values({ site: { proxy: "proxy:3128" } }), /site\/proxy/],
    [values({ site: { cran: 'https://m/"); system("id' } }), /site\/cran/],
    [values({ policy: {} }), /policy/],
  ]) {
    await assert.rejects(renderChart(wrong), (error) => {
      assert.match(error.message, reason);
      return true;
    });
  }
});

test("the examples are taken by the API server where it has their kinds", limits, async (t) => {
  const portal = await run(testbed.HELM, ["template", "myksc", `${root}/deploy/chart/myksc`, "--kube-version", "1.34", "--values", join(EXAMPLES, "portal-values.yaml")]);
  const made = await taken(portal);
  await assertConfiguration(t, made);
  const files = (await readdir(EXAMPLES, { recursive: true })).filter((file) => file.endsWith(".yaml") && !file.endsWith("values.yaml"));
  const refused = [];
  for (const file of files) {
    const text = await readFile(join(EXAMPLES, file), "utf8");
    // Namespaces of the examples are not here, which a dry run minds.
    await taken(text.replaceAll(/^(\s+)namespace: \S+$/gm, "$1namespace: default")).catch((error) => {
      if (!/no matches for kind/.test(error.message)) throw error;
      refused.push(file);
    });
  }
  // There is no MetalLB here.
  assert.deepEqual(refused, ["metallb/pool.yaml"]);
});

/** Fails where the portal does not take the configuration among these objects. */
async function assertConfiguration(t, made) {
  const text = made.find(({ kind }) => kind === "ConfigMap").data["myksc.toml"];
  const folder = await mkdtemp(join(tmpdir(), "myksc-chart-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "myksc.toml");
  await writeFile(file, text);
  const shown = JSON.parse(await run(`${root}/target/debug/myksc`, ["config", "check", "--json", "--config", file]));
  assert.equal(shown.kubernetes.gateway_pods.labels["app.kubernetes.io/name"], "myksc");
}

/** What the API server would make of manifests. */
async function taken(manifests) {
  const input = manifests.replaceAll(/^(\s+)namespace: myksc$/gm, "$1namespace: default");
  const answer = await kubectl("apply", "--dry-run=server", "-n", "default", "-o", "json", "-f", "-", { input });
  const found = JSON.parse(answer);
  return found.kind === "List" ? found.items : [found];
}
