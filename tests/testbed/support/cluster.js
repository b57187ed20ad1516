// The testbed's cluster, as its administrator.

import assert from "node:assert/strict";

import { until } from "../../browser/support/until.js";
import { testbed } from "./exports.js";
import { freshName, run } from "./programs.js";

/** kubectl's standard output; with an object as the last argument, that is `{ input }` for its standard input. */
export function kubectl(...args) {
  const options = typeof args.at(-1) === "object" ? args.pop() : {};
  return run(testbed.KUBECTL, ["--kubeconfig", testbed.KUBECONFIG, ...args], options);
}

/** Makes these objects or changes them; fails with what the API server says. */
export function apply(...items) {
  const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  return kubectl("apply", "-f", "-", { input });
}

export async function get(namespace, kind, name) {
  return JSON.parse(await kubectl("-n", namespace, "get", kind, name, "-o", "json"));
}

/** A namespace in which pods can be made, of that level of Pod Security. */
export async function makeNamespace(prefix, { level = "privileged", name = freshName(prefix) } = {}) {
  const labels = { "pod-security.kubernetes.io/enforce": level };
  await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
  await until("the account for pods", () => get(name, "serviceaccount", "default"));
  return { name, remove: () => kubectl("delete", "namespace", name, "--wait=false") };
}

/** A pod of kim's that Pod Security's level "restricted" lets in, as far as its volumes go. */
export function podOfKim(namespace, name, container, volumes = [], spec = {}) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace, name, labels: { app: name } },
    spec: {
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 20001,
        runAsGroup: 20001,
        supplementalGroups: [30001],
        supplementalGroupsPolicy: "Strict",
        seccompProfile: { type: "RuntimeDefault" },
      },
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 1,
      volumes,
      containers: [
        {
          name: "main",
          imagePullPolicy: "Always",
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
          ...container,
        },
      ],
      ...spec,
    },
  };
}

/** A container of the probe, ready when it answers. */
export function probe(more = {}) {
  const readinessProbe = { httpGet: { path: "/", port: 8080 }, periodSeconds: 1 };
  return { image: testbed.IMAGE_PROBE, readinessProbe, ...more };
}

/** Makes the pod and gives what the API server has of it once it is ready. */
export async function readyPod(pod) {
  const { namespace, name } = pod.metadata;
  await apply(pod);
  return until(
    `pod ${name} to be ready`,
    async () => {
      const found = await get(namespace, "pod", name);
      const condition = found.status.conditions?.find(({ type }) => type === "Ready");
      if (condition?.status === "True") return found;
      throw new Error(JSON.stringify(found.status));
    },
    { limitMs: 90_000, everyMs: 200 },
  );
}

/** Standard output of a command in the pod. */
export function execute(namespace, name, ...command) {
  return kubectl("-n", namespace, "exec", name, "--", ...command);
}

/** An event of the pod with that reason, whose message matches. */
export function event(namespace, name, reason, message = /./) {
  return until(
    `event ${reason} of pod ${name}`,
    async () => {
      const found = JSON.parse(await kubectl("-n", namespace, "get", "events", "-o", "json"));
      const events = found.items.filter((item) => item.involvedObject.name === name);
      const wanted = events.find((item) => item.reason === reason && message.test(item.message));
      assert.ok(wanted, events.map((item) => `${item.reason}: ${item.message}`).join("\n"));
      return wanted;
    },
    { everyMs: 200 },
  );
}
