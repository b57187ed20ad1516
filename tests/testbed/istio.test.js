// Istio's ingress gateway leads to pods of users' namespaces, by Istio's own API and by the Gateway API.

import assert from "node:assert/strict";
import fs from "node:fs";
import { after, before, test } from "node:test";

import { until } from "../browser/support/until.js";
import { apply, makeNamespace, podOfKim, probe, readyPod } from "./support/cluster.js";
import { printVersions, testbed } from "./support/exports.js";
import { ask, echo } from "./support/web.js";

let namespace;

before(async () => {
  printVersions("kubernetes", "images", "istio");
  namespace = await makeNamespace("istio");
  const metadata = { name: "probe", namespace: namespace.name };
  await apply({
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { selector: { app: "probe" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
  });
  await readyPod(podOfKim(namespace.name, "probe", probe()));
  const backend = `probe.${namespace.name}.svc.cluster.local`;
  await apply(virtualService(metadata, backend), httpRoute(metadata));
});

after(() => namespace?.remove());

const prefix = () => `/${namespace.name}/`;
const portal = () => ({ host: testbed.PORTAL_HOST });
const route = () => ({ host: `${namespace.name}.${testbed.ROUTES_DOMAIN}` });

test("a VirtualService leads from a prefix to a pod of a user's namespace", async () => {
  const answer = await reached(testbed.INGRESS_HTTP, portal());
  assert.equal(answer.path, "/a/b");
  assert.equal(answer.query, "c=d");
  assert.equal(answer.identity.uid, 20001);
  assert.equal(answer.host, testbed.PORTAL_HOST);
  assert.equal(await echo(testbed.INGRESS_HTTP, `${prefix()}socket`, "through Envoy", portal()), "through Envoy");
});

test("an HTTPRoute does so too", async () => {
  const answer = await reached(testbed.INGRESS_HTTP, route());
  assert.equal(answer.path, "/a/b");
  assert.equal(answer.identity.uid, 20001);
  assert.equal(await echo(testbed.INGRESS_HTTP, `${prefix()}socket`, "through Envoy", route()), "through Envoy");
});

test("both are served over TLS with a certificate of the testbed's authority", async () => {
  const ca = fs.readFileSync(testbed.INGRESS_CA, "utf8");
  for (const way of [portal(), route()]) {
    const answer = await reached(testbed.INGRESS_HTTPS, { ...way, ca });
    assert.equal(answer.headers["X-Forwarded-Proto"][0], "https");
    assert.equal(await echo(testbed.INGRESS_HTTPS, `${prefix()}socket`, "over TLS", { ...way, ca }), "over TLS");
  }
  await assert.rejects(ask(testbed.INGRESS_HTTPS, "/", { ...portal(), ca: [] }), { code: /SELF_SIGNED|UNABLE_TO/ });
});

test("an unknown host and an unknown path are not found", async () => {
  await reached(testbed.INGRESS_HTTP, portal());
  assert.equal((await ask(testbed.INGRESS_HTTP, `${prefix()}a`, { host: "elsewhere.example" })).status, 404);
  assert.equal((await ask(testbed.INGRESS_HTTP, "/nobody/a", portal())).status, 404);
});

test("the gateway answers on the node's address as well, for pods", async () => {
  const [, port] = testbed.INGRESS_HTTP.split(":");
  const answer = await reached(`${testbed.NODE_ADDRESS}:${port}`, portal());
  assert.equal(answer.hostname, "probe");
});

/** The probe's answer, once the gateway knows the way. */
async function reached(at, way) {
  const answer = await until(`${way.host} at ${at} to answer`, async () => {
    const got = await ask(at, `${prefix()}a/b?c=d`, way);
    if (got.status !== 200) throw new Error(`status ${got.status}: ${got.body}`);
    return got;
  });
  return JSON.parse(answer.body);
}

const virtualService = (metadata, backend) => ({
  apiVersion: "networking.istio.io/v1",
  kind: "VirtualService",
  metadata,
  spec: {
    hosts: [testbed.PORTAL_HOST],
    gateways: [testbed.ISTIO_GATEWAY],
    http: [
      {
        match: [{ uri: { prefix: prefix() } }],
        rewrite: { uri: "/" },
        route: [{ destination: { host: backend, port: { number: 80 } } }],
      },
    ],
  },
});

const httpRoute = (metadata) => {
  const [gatewayNamespace, gateway] = testbed.API_GATEWAY.split("/");
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata,
    spec: {
      parentRefs: [{ name: gateway, namespace: gatewayNamespace }],
      hostnames: [route().host],
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: prefix() } }],
          filters: [{ type: "URLRewrite", urlRewrite: { path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/" } } }],
          backendRefs: [{ name: "probe", port: 80 }],
        },
      ],
    },
  };
};
