// Kubernetes by itself: a person's pod, images, network, quotas.

import assert from "node:assert/strict";
import { chown, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { before, test } from "node:test";

import { until } from "../browser/support/until.js";
import { apply, event, execute, get, kubectl, makeNamespace, podOfKim, probe, readyPod } from "./support/cluster.js";
import { printVersions, testbed } from "./support/exports.js";
import { freshName, run } from "./support/programs.js";

const limits = { timeout: 180_000 };

before(() => printVersions("kubernetes", "images"));

test("a pod runs as kim with her groups alone, and what it writes to her home is hers on the node", limits, async (t) => {
  const namespace = await restrictedNamespace(t);
  const file = join(testbed.HOME_ROOT, "kim", freshName("smoke"));
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await chown(dirname(file), 20001, 20001);
  t.after(() => rm(file, { force: true }));
  const home = await volume(t, namespace, "home", dirname(file));
  await readyPod(podOfKim(namespace, "hers", probe({ volumeMounts: [home.mount] }), [home.volume]));

  assert.match(await execute(namespace, "hers", "id"), /^uid=20001 gid=20001 groups=20001,30001$/m);
  await execute(namespace, "hers", "sh", "-c", `echo from her pod > /volumes/home/${file.split("/").at(-1)}`);
  assert.equal(await readFile(file, "utf8"), "from her pod\n");
  const { uid, gid } = await stat(file);
  assert.deepEqual({ uid, gid }, { uid: 20001, gid: 20001 });
});

test("a pod of kim's can't look into a folder of somebody else's, and can't mount the node's folders", limits, async (t) => {
  const namespace = await restrictedNamespace(t);
  const folder = join(testbed.SCRATCH_ROOT, freshName("smoke"));
  await mkdir(folder, { mode: 0o700 });
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "secret"), "of lee's");
  await chown(folder, 20002, 20002);
  const other = await volume(t, namespace, "other", folder);
  await readyPod(podOfKim(namespace, "curious", probe({ volumeMounts: [other.mount] }), [other.volume]));

  await assert.rejects(execute(namespace, "curious", "ls", "/volumes/other"), /Permission denied/);
  await assert.rejects(execute(namespace, "curious", "cat", "/volumes/other/secret"), /Permission denied/);
  const mounting = podOfKim(namespace, "mounting", probe(), [{ name: "node", hostPath: { path: "/etc" } }]);
  await assert.rejects(apply(mounting), /violates PodSecurity "restricted.*hostPath/);
});

test("a pod's image comes from the registry, and is the one that was pushed", limits, async (t) => {
  const namespace = await restrictedNamespace(t);
  const started = await readyPod(podOfKim(namespace, "pulled", probe()));

  const pulled = await event(namespace, "pulled", "Pulled");
  assert.match(pulled.message, /^Successfully pulled image "127\.0\.0\.1:\d+\/myksc-testbed\/probe:/);
  const [, registry, name, tag] = testbed.IMAGE_PROBE.match(/^([^/]+)\/(.+):([^:]+)$/);
  const answer = await fetch(`http://${registry}/v2/${name}/manifests/${tag}`, {
    method: "HEAD",
    headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
  });
  const digest = answer.headers.get("docker-content-digest");
  assert.match(digest, /^sha256:/);
  assert.equal(started.status.containerStatuses[0].imageID, `${registry}/${name}@${digest}`);
});

test("an image of the registry with a password is pulled with the secret only", limits, async (t) => {
  const namespace = await restrictedNamespace(t);
  const container = probe({ image: testbed.PRIVATE_IMAGE });
  await apply(podOfKim(namespace, "without", container));
  await event(namespace, "without", "Failed", /401 Unauthorized|no basic auth credentials/);

  const auth = Buffer.from(`${testbed.PRIVATE_REGISTRY_USER}:${testbed.PRIVATE_REGISTRY_PASSWORD}`).toString("base64");
  const config = JSON.stringify({ auths: { [testbed.PRIVATE_REGISTRY]: { auth } } });
  await apply({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { namespace, name: "registry" },
    type: "kubernetes.io/dockerconfigjson",
    stringData: { ".dockerconfigjson": config },
  });
  await readyPod(podOfKim(namespace, "with", container, [], { imagePullSecrets: [{ name: "registry" }] }));
});

test("a pod's output, commands in it and their status come through the API server", limits, async (t) => {
  const namespace = await restrictedNamespace(t);
  await readyPod(podOfKim(namespace, "talking", probe()));

  assert.match(await kubectl("-n", namespace, "logs", "talking"), /listening on .* as 20001/);
  const args = ["-n", namespace, "exec", "-i", "talking", "--"];
  assert.equal(await kubectl(...args, "tr", "a-z", "A-Z", { input: "to and fro" }), "TO AND FRO");
  await assert.rejects(kubectl(...args, "sh", "-c", "exit 7"), { status: 7 });
});

test("a Service is reached by name in pods and by address from the node", limits, async (t) => {
  const namespace = await restrictedNamespace(t);
  await apply(service(namespace, "served"));
  await Promise.all(["served", "asking"].map((name) => readyPod(podOfKim(namespace, name, probe()))));
  const { clusterIP } = (await get(namespace, "service", "served")).spec;

  assert.match(await execute(namespace, "asking", "getent", "hosts", `served.${namespace}.svc.cluster.local`), new RegExp(`^${clusterIP} `));
  assert.match(await execute(namespace, "asking", "getent", "hosts", "served"), new RegExp(`^${clusterIP} `));
  const visit = () => execute(namespace, "asking", "bash", "-c", ask("served"));
  assert.match(await until("an answer from the Service in a pod", visit), /^HTTP\/1\.0 200 OK/);
  const answer = await until("an answer from the Service", () => fetch(`http://${clusterIP}/`).then((response) => response.json()));
  assert.equal(answer.hostname, "served");
  assert.equal(answer.identity.uid, 20001);
});

test("a default-deny policy shuts pods of another namespace out, that came in before", limits, async (t) => {
  const [hers, others] = await Promise.all([restrictedNamespace(t, "smoke-hers"), restrictedNamespace(t, "smoke-others")]);
  const made = [podOfKim(hers, "served", probe()), podOfKim(others, "asking", probe())];
  const [served] = await Promise.all(made.map(readyPod));
  const visit = () => execute(others, "asking", "bash", "-c", ask(served.status.podIP, 8080));
  assert.match(await visit(), /^HTTP\/1\.0 200 OK/);

  const spec = { podSelector: {}, policyTypes: ["Ingress"] };
  await apply({ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { namespace: hers, name: "deny" }, spec });
  await until("the policy is enforced", () => visit().then(() => false, (error) => error.status === 124), { everyMs: 200 });

  const from = [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": others } } }];
  const open = { ...spec, ingress: [{ from }] };
  await apply({ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { namespace: hers, name: "allow" }, spec: open });
  await until("another policy lets them in", visit, { everyMs: 200 });
});

test("a pod gets a GPU where there is one, and waits with the reason where there are too few", limits, async (t) => {
  const namespace = await restrictedNamespace(t);
  const gpus = (count) => probe({ resources: { limits: { "nvidia.com/gpu": count } } });
  await apply(podOfKim(namespace, "three", gpus("3")));

  const scheduled = await readyPod(podOfKim(namespace, "one", gpus("1")));
  assert.equal(scheduled.spec.nodeName, testbed.NODE_NAME);
  const failed = await event(namespace, "three", "FailedScheduling");
  assert.match(failed.message, /Insufficient nvidia\.com\/gpu/);
  assert.equal((await get(namespace, "pod", "three")).status.phase, "Pending");
});

test("a ResourceQuota refuses what is too much", limits, async (t) => {
  const namespace = await restrictedNamespace(t);
  const hard = { pods: "1", "requests.nvidia.com/gpu": "1" };
  await apply({ apiVersion: "v1", kind: "ResourceQuota", metadata: { namespace, name: "hers" }, spec: { hard } });
  await until("the quota counts", async () => (await get(namespace, "resourcequota", "hers")).status.hard);
  const greedy = podOfKim(namespace, "greedy", probe({ resources: { limits: { "nvidia.com/gpu": "2" } } }));
  await assert.rejects(apply(greedy), /exceeded quota: hers, requested: requests\.nvidia\.com\/gpu=2/);
  await apply(podOfKim(namespace, "first", probe()));
  await assert.rejects(apply(podOfKim(namespace, "second", probe())), /exceeded quota: hers, requested: pods=1/);
});

test("nobody without a certificate or token is told anything by the API server, the kubelet or etcd", limits, async () => {
  const ask = (url, ...more) => run("curl", ["-sk", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}", ...more, url]);
  const server = (await kubectl("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}")).trim();
  assert.equal(await ask(`${server}/api/v1/namespaces`), "401");
  assert.equal(await ask(`https://${testbed.NODE_ADDRESS}:10250/pods`), "401");
  // The handshake fails, at one end or the other first.
  await assert.rejects(ask("https://127.0.0.1:16379/version"), ({ status }) => [35, 55, 56].includes(status));
  const { mode, uid } = await stat(testbed.KUBECONFIG);
  assert.deepEqual({ mode: mode & 0o777, uid }, { mode: 0o600, uid: 0 });
});

/** The name of a namespace that takes such pods only, and goes when the test ends. */
async function restrictedNamespace(t, prefix = "smoke") {
  const { name, remove } = await makeNamespace(prefix, { level: "restricted" });
  t.after(remove);
  return name;
}

/** A claim on a folder of the node by a PersistentVolume made for it, and what a pod and its container say to have it in /volumes. */
async function volume(t, namespace, name, path) {
  const volumeName = freshName("smoke");
  const spec = { storageClassName: "", accessModes: ["ReadWriteMany"], volumeName };
  const capacity = { storage: "1Gi" };
  await apply(
    {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: volumeName },
      spec: { capacity, accessModes: spec.accessModes, hostPath: { path, type: "Directory" }, claimRef: { namespace, name } },
    },
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { namespace, name },
      spec: { ...spec, resources: { requests: capacity } },
    },
  );
  t.after(() => kubectl("delete", "persistentvolume", volumeName, "--wait=false"));
  return { volume: { name, persistentVolumeClaim: { claimName: name } }, mount: { name, mountPath: `/volumes/${name}` } };
}

function service(namespace, name) {
  const ports = [{ port: 80, targetPort: 8080 }];
  return { apiVersion: "v1", kind: "Service", metadata: { namespace, name }, spec: { selector: { app: name }, ports } };
}

/** A script for bash that prints the head of an HTTP answer, and ends with 124 when none comes. */
function ask(host, port = 80) {
  return `timeout 3 bash -c 'exec 3<>/dev/tcp/${host}/${port}; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; head -n 1 <&3'`;
}
