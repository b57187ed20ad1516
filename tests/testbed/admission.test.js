// What the chart installs into the cluster: the rights of the portal's account, and the policies that bind whoever makes
// pods in people's namespaces.

import assert from "node:assert/strict";
import { chown, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { until } from "../browser/support/until.js";
import { applyAs, installChart } from "./support/chart.js";
import { apply, execute, get, kubectl, readyPod } from "./support/cluster.js";
import { printVersions, root, testbed } from "./support/exports.js";
import { freshName } from "./support/programs.js";

const limits = { timeout: 300_000 };
const KIM = { uid: 20001, gid: 20001, groups: [20001, 30001] };
const DIGEST = `sha256:${"0".repeat(64)}`;
const home = join(testbed.HOME_ROOT, "kim");
const data = join(testbed.SCRATCH_ROOT, "shared", "data");

let chart;
/** Of kim, as with folders straight from the node, and as with volumes. */
let hers;
let restricted;

before(async () => {
  printVersions("kubernetes", "images");
  await mkdir(home, { recursive: true, mode: 0o700 });
  await chown(home, KIM.uid, KIM.gid);
  chart = await installChart({
    // The last two are those of the portal's own tests.
    storage: { kind: "host_path", roots: [testbed.HOME_ROOT, "/home", "/data"], shared: [data], classes: ["allowed"] },
    policies: { roles: [{ kind: "ClusterRole", name: "view" }], priorityClasses: ["allowed"] },
    images: {
      registry: testbed.IMAGE_BASE.split("/").slice(0, 2).join("/"),
      // The first is that of the portal's own tests.
      allowed: ["registry.example.org/myksc/**", "ghcr.io/lab/*:1.*", "*/pinned/app@*"],
    },
    portal: { enabled: false },
  });
  hers = `${chart.prefix}20001-kim`;
  restricted = `${chart.prefix}20001-restricted`;
  await applyAs(chart.account, namespace(hers), namespace(restricted, { level: "restricted" }));
  // A policy holds once the API server has seen it, which it does a moment after it was made.
  for (const kind of Object.keys(REFUSED)) {
    const [, object, message] = REFUSED[kind]()[0];
    await until(`the policy on ${kind} to hold`, () => refused(object, message).then(() => true), { everyMs: 500 });
  }
});

after(async () => {
  if (!chart) return;
  await kubectl("delete", "namespace", "--ignore-not-found", "--wait=false", hers, restricted);
  await chart.remove();
});

test("the policies are checked by the API server without a warning", limits, async () => {
  const args = ["validatingadmissionpolicies", "-l", `app.kubernetes.io/instance=${chart.name}`, "-o", "json"];
  await until("all policies to be looked at", async () => {
    const policies = JSON.parse(await kubectl("get", ...args)).items;
    assert.equal(policies.length, 10);
    for (const { metadata, spec, status } of policies) {
      assert.equal(spec.failurePolicy, "Fail", metadata.name);
      assert.equal(status.observedGeneration, metadata.generation, metadata.name);
      assert.deepEqual(status.typeChecking.expressionWarnings ?? [], [], metadata.name);
    }
    return true;
  });
  const bindings = JSON.parse(await kubectl("get", "validatingadmissionpolicybindings", ...args.slice(1))).items;
  assert.equal(bindings.length, 10);
  for (const { metadata, spec } of bindings) {
    assert.deepEqual(spec, { policyName: metadata.name, validationActions: ["Deny"] });
  }
});

test("the portal's account has these rights and no others", limits, async () => {
  const everywhere = [
    "list,watch apps/deployments",
    "list,watch nodes",
    "list,watch resourcequotas",
    "create,patch namespaces",
    "create,patch persistentvolumes",
    "create,patch rbac.authorization.k8s.io/rolebindings",
    `bind rbac.authorization.k8s.io/clusterroles ${chart.role}`,
  ];
  const inHers = [
    "get,list,watch pods",
    "get pods/log",
    "list,watch events",
    "create,patch,delete secrets",
    "create,patch,delete apps/deployments",
    "create,patch,delete services",
    "create,patch,delete resourcequotas",
    "create,patch configmaps",
    "create,patch limitranges",
    "create,patch persistentvolumeclaims",
    "create,patch networking.k8s.io/networkpolicies",
  ];
  await settle();
  assert.deepEqual(await rights(chart.name), everywhere.toSorted());
  assert.deepEqual(await rights("kube-system"), everywhere.toSorted());
  assert.deepEqual(await rights(hers), [...everywhere, ...inHers].toSorted());

  const asked = [
    ["get list watch", "secrets", [hers, ""]],
    ["create patch delete", "secrets", ["kube-system", ""]],
    ["create delete patch", "pods", [hers, ""]],
    ["get list watch", "pods", ["kube-system", ""]],
    ["create get", "pods/exec", [hers, ""]],
    ["create get", "pods/attach", [hers, ""]],
    ["create get", "pods/portforward", [hers, ""]],
    ["update patch", "pods/ephemeralcontainers", [hers, ""]],
    ["create", "pods/binding", [hers, ""]],
    ["create", "serviceaccounts/token", [hers, ""]],
    ["get list", "configmaps", [hers, ""]],
    ["get list delete", "namespaces", [""]],
    ["get list delete", "persistentvolumes", [""]],
    ["create update escalate", "rbac.authorization.k8s.io/clusterroles", [""]],
    ["create", "rbac.authorization.k8s.io/clusterrolebindings", [""]],
    ["impersonate", "users", [""]],
  ].flatMap(([verbs, what, places]) => verbs.split(" ").flatMap((verb) => places.map((place) => [verb, what, place])));
  assert.deepEqual(await mayDo([["list", "apps/deployments", ""], ["delete", "secrets", hers]]), [true, true]);
  const allowed = await mayDo(asked);
  assert.deepEqual(asked.filter((_, at) => allowed[at]), []);
});

test("with these rights all that the portal makes is made, twice over, and no secret is read", limits, async (t) => {
  const name = `${chart.prefix}20001-portal`;
  const made = await ofPortal(name);
  const volumes = made.volumes.map(({ metadata }) => `persistentvolume/${metadata.name}`);
  t.after(() => kubectl("delete", "--ignore-not-found", "--wait=false", `namespace/${name}`, ...volumes));
  await applyAs(chart.account, made.namespace);
  await applyAs(chart.account, made.grant);
  const { namespace: _, grant: __, deployment, ...more } = made;
  const stopped = { ...deployment, spec: { ...deployment.spec, replicas: 0 } };
  const meta = (name_) => ({ namespace: name, name: name_ });
  const labels = { "app.kubernetes.io/managed-by": "myksc" };
  const own = { ...secret(name), metadata: { ...meta("own"), labels } };
  const all = [own, stopped, ...Object.values(more).flat()];
  // Rights hold a moment after they were given.
  await until("the portal's rights in the new namespace", () => applyAs(chart.account, ...all).then(() => true));
  await until("the claims are bound", async () => {
    const claims = JSON.parse(await kubectl("-n", name, "get", "persistentvolumeclaims", "-o", "json")).items;
    return claims.length === made.claims.length && claims.every(({ status }) => status.phase === "Bound");
  });
  await applyAs(chart.account, made.namespace, made.grant, ...all);
  const { metadata, spec } = deployment.spec.template;
  await create({ apiVersion: "v1", kind: "Pod", metadata: { ...metadata, ...meta("app") }, spec });

  const as = [`--as=${chart.account}`, "-n", name];
  await assert.rejects(kubectl(...as, "get", "secret", "own"), /cannot get resource "secrets"/);
  await assert.rejects(kubectl(...as, "get", "secrets"), /cannot list resource "secrets"/);
  const others = { ...secret(name), metadata: meta("others") };
  await apply(others);
  const empty = { apiVersion: "v1", kind: "Secret", metadata: others.metadata };
  await assert.rejects(applyAs(chart.account, empty), /has no secrets but its own/);
  await assert.rejects(kubectl(...as, "delete", "--cascade=foreground", "--wait=false", "secret/others"), /has no secrets but its own/);
  const app = deployment.metadata.name;
  const gone = [`deployment/${app}`, `service/${app}`, "secret/own", `resourcequota/${made.quota.metadata.name}`];
  await kubectl(...as, "delete", "--wait=false", ...gone);
});

test("a pod like the portal's runs as kim, with its guard beside it, and writes to her home", limits, async (t) => {
  t.after(() => kubectl("delete", "persistentvolume", `${restricted}-home`, "--ignore-not-found", "--wait=false"));
  await apply(volume(restricted, "home", home), claim(restricted, "myksc-home", { volumeName: `${restricted}-home` }));
  await apply(identity(restricted), secret(restricted));
  const made = pod(restricted, (it) => {
    it.spec.volumes.push({ name: "mount-home", persistentVolumeClaim: { claimName: "myksc-home" } });
    it.spec.containers[0].volumeMounts.push({ name: "mount-home", mountPath: home });
    it.spec.containers[0].workingDir = home;
  });
  await readyPod(made);
  const { name } = made.metadata;
  const inApp = (...command) => kubectl("-n", restricted, "exec", name, "-c", "app", "--", ...command);
  assert.match(await inApp("id"), /^uid=20001\(kim\) gid=20001\(kim\) groups=20001\(kim\),30001\(g30001\)$/m);
  assert.equal(await inApp("sh", "-c", "touch .admission && stat -c %u:%g .admission && rm .admission"), "20001:20001\n");

  // What somebody adds to a pod that runs is held to the same.
  const running = await get(restricted, "pod", name);
  const added = (context) => {
    const security = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] }, ...context };
    const container = { name: freshName("debug"), image: testbed.IMAGE_BASE, command: ["true"], securityContext: security };
    const changed = structuredClone(running);
    changed.spec.ephemeralContainers = [container];
    const path = `/api/v1/namespaces/${restricted}/pods/${name}/ephemeralcontainers`;
    return kubectl("replace", "--raw", path, "-f", "-", { input: JSON.stringify(changed) });
  };
  await assert.rejects(added({ runAsUser: 20002 }), /denied request: runAsUser of the pod must be 20001/);
  await assert.rejects(added({ runAsGroup: 30002 }), /denied request: runAsGroup of the pod must be 20001/);
  await added({ runAsUser: 20001 });
  await assert.rejects(
    kubectl("-n", restricted, "debug", name, `--image=${testbed.IMAGE_BASE}`, "--profile=general", "--", "true"),
    /forbidden/,
  );
  assert.match(await execute(restricted, name, "id", "-u"), /^20001$/m);
});

test("a pod that runs keeps its finalizers and labels changeable after its owner left a group", limits, async () => {
  await apply(identity(restricted), secret(restricted));
  const made = pod(restricted);
  await apply(made);
  const { name } = made.metadata;
  await applyAs(chart.account, namespace(restricted, { level: "restricted", groups: [20001] }));
  await refused(pod(restricted), /denied request: supplementalGroups must be among 20001$/m);
  await kubectl("-n", restricted, "label", "pod", name, "still=changeable");
  await applyAs(chart.account, namespace(restricted, { level: "restricted" }));
});

test("what a Deployment makes is refused, too, and the Deployment says so", limits, async () => {
  const { spec } = pod(hers, (it) => (it.spec.securityContext.runAsUser = 0));
  const name = freshName("root");
  const labels = { app: name };
  await apply({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace: hers, name },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
  await until("the refusal", async () => {
    const { conditions } = (await get(hers, "deployment", name)).status;
    const failure = conditions.find(({ type }) => type === "ReplicaFailure");
    assert.match(failure.message, /denied request: runAsUser of the pod must be 20001/);
    return true;
  });
});

// [what is refused, the object, what the API server says]; the first of each kind is what the start waits for.
const REFUSED = {
  pods: () =>
    Object.entries(POD_CLAUSES).flatMap(([what, [message, ...changes]]) =>
      changes.map((change, at) => [`${what} (${at + 1})`, pod(hers, change), message]),
    ),
  namespaces: () => {
    const of = (more) => namespace(`${chart.prefix}20009-seo`, { uid: 20009, gid: 20009, groups: [20009], ...more });
    const changed = (change) => {
      const made = of();
      change(made.metadata);
      return made;
    };
    return [
      ["a UID that is the system's", namespace(`${chart.prefix}999-x`, { uid: 999 }), /myksc\.io\/uid must be a UID from 1000 on/],
      ["root", namespace(`${chart.prefix}0-root`, { uid: 0 }), /myksc\.io\/uid must be a UID from 1000 on/],
      ["no UID", changed(({ annotations }) => delete annotations["myksc.io/uid"]), /myksc\.io\/uid must be a UID from 1000 on/],
      ["a UID that is no number", of({ uid: "20009x" }), /myksc\.io\/uid must be a UID from 1000 on/],
      ["another's UID in its name", namespace(`${chart.prefix}20009-seo`), /name must be \S+UID or/],
      ["a name with another's UID before its own", namespace(`${chart.prefix}200010-x`), /name must be \S+UID or/],
      ["a name of no person", namespace(freshName("elsewhere")), /name must be \S+UID or/],
      ["the group of root", of({ groups: [20009, 0] }), /must be GIDs from 1000 on/],
      ["a primary group of the system", of({ gid: 6 }), /must be GIDs from 1000 on/],
      ["groups that are no numbers", of({ groups: ["20009", "x"] }), /must be GIDs/],
      ["a folder that is no root's", of({ paths: ["/etc"] }), /must be folders right below/],
      ["a folder deep below a root", of({ paths: [`${home}/deep`] }), /must be folders right below/],
      ["a way out of a root", of({ paths: [join(testbed.HOME_ROOT) + "/.."] }), /must be folders right below/],
      ["a root itself", of({ paths: [testbed.HOME_ROOT] }), /must be folders right below/],
      ["no label", changed(({ labels }) => delete labels["myksc.io/namespace"]), /label myksc\.io\/namespace must be "user"/],
      ["another label", changed(({ labels }) => (labels["myksc.io/namespace"] = "x")), /label myksc\.io\/namespace must be "user"/],
      [
        "Pod Security of another level",
        changed(({ labels }) => (labels["pod-security.kubernetes.io/enforce"] = "baseline")),
        /pod-security\.kubernetes\.io\/enforce must be/,
      ],
    ];
  },
  persistentvolumes: () => [
    ["a folder that is no root's", volume(hers, "home", "/etc"), /must be a hostPath of type Directory/],
    ["a folder deep below a root", volume(hers, "home", `${home}/deep`), /must be a hostPath of type Directory/],
    ["a way out of a root", volume(hers, "home", `${testbed.HOME_ROOT}/...`), /must be a hostPath of type Directory/],
    ["a folder to be made", volume(hers, "home", home, { type: "DirectoryOrCreate" }), /must be a hostPath of type Directory/],
    ["a folder of any type", volume(hers, "home", home, { type: "" }), /must be a hostPath of type Directory/],
    ["another kind", volume(hers, "home", home, { source: { nfs: { server: "a", path: "/" } } }), /must be a hostPath/],
    [
      "another kind of a class that is not allowed",
      volume(hers, "home", home, { source: { csi: { driver: "a", volumeHandle: "b" } }, storageClassName: "other" }),
      /must be a hostPath/,
    ],
    ["a name of another namespace", volume(hers, "home", home, { name: freshName("volume") }), /name must begin with/],
  ],
  persistentvolumeclaims: () => [
    ["a volume of another's", claim(hers, "claim", { volumeName: `${chart.prefix}20002-lee-home` }), /volumeName must begin/],
    ["no volume", claim(hers, "claim"), /volumeName must begin/],
    ["a class", claim(hers, "claim", { storageClassName: "other" }), /storageClassName must be empty/],
    [
      "a volume of the allowed class",
      claim(hers, "claim", { storageClassName: "allowed", volumeName: "somebody-elses" }),
      /volumeName must begin/,
    ],
  ],
  services: () => [
    ["a port of the nodes", service(hers, "out", { type: "NodePort" }), /must be of type ClusterIP/],
    ["an address of its own", service(hers, "out", { type: "LoadBalancer" }), /must be of type ClusterIP/],
    ["another name", service(hers, "out", { type: "ExternalName", externalName: "a.example" }), /must be of type ClusterIP/],
    ["addresses of others", service(hers, "out", { externalIPs: ["192.0.2.1"] }), /must have no externalIPs/],
  ],
  rolebindings: () => [
    ["another role", roleBinding(hers, { role: "cluster-admin" }), /roleRef must be one of ClusterRole\//],
    ["a role of the namespace", roleBinding(hers, { kind: "Role", role: chart.role }), /roleRef must be one of ClusterRole\//],
    ["the portal's role for somebody else", roleBinding(hers, { account: "default" }), /portal's account alone/],
  ],
  secrets: () => [
    [
      "a token",
      {
        ...secret(hers),
        type: "kubernetes.io/service-account-token",
        metadata: { namespace: hers, name: "token", annotations: { "kubernetes.io/service-account.name": "default" } },
      },
      /must hold no token/,
    ],
  ],
};

/** By clause: what the API server says, and ways to break it. */
const POD_CLAUSES = {
  "another UID": [
    /runAsUser of the pod must be 20001/,
    ({ spec }) => (spec.securityContext.runAsUser = 20002),
    ({ spec }) => (spec.securityContext.runAsUser = 0),
    ({ spec }) => delete spec.securityContext.runAsUser,
    ({ spec }) => (spec.containers[0].securityContext.runAsUser = 20002),
    ({ spec }) => (spec.initContainers[0].securityContext.runAsUser = 0),
    ({ spec }) => delete spec.securityContext,
  ],
  "another GID": [
    /runAsGroup of the pod must be 20001/,
    ({ spec }) => (spec.securityContext.runAsGroup = 30002),
    // Also one of hers that is not her primary one: the namespace says which.
    ({ spec }) => (spec.securityContext.runAsGroup = 30001),
    ({ spec }) => (spec.securityContext.runAsGroup = 0),
    ({ spec }) => delete spec.securityContext.runAsGroup,
    ({ spec }) => (spec.containers[0].securityContext.runAsGroup = 30002),
    ({ spec }) => (spec.initContainers[0].securityContext.runAsGroup = 0),
  ],
  "perhaps root": [
    /runAsNonRoot of the pod must be true/,
    ({ spec }) => delete spec.securityContext.runAsNonRoot,
    ({ spec }) => (spec.securityContext.runAsNonRoot = false),
    ({ spec }) => (spec.containers[0].securityContext.runAsNonRoot = false),
  ],
  "a group of others": [
    /supplementalGroups must be among 20001,30001/,
    ({ spec }) => (spec.securityContext.supplementalGroups = [30002]),
    ({ spec }) => (spec.securityContext.supplementalGroups = [30001, 0]),
  ],
  "groups of the image": [
    /supplementalGroupsPolicy must be Strict/,
    ({ spec }) => delete spec.securityContext.supplementalGroupsPolicy,
    ({ spec }) => (spec.securityContext.supplementalGroupsPolicy = "Merge"),
  ],
  "an fsGroup": [/fsGroup must be absent/, ({ spec }) => (spec.securityContext.fsGroup = 30001)],
  "namespaces of the node": [
    /hostNetwork, hostPID and hostIPC must be false/,
    ({ spec }) => (spec.hostNetwork = true),
    ({ spec }) => (spec.hostPID = true),
    ({ spec }) => (spec.hostIPC = true),
  ],
  "other UIDs on the node": [/hostUsers must not be false/, ({ spec }) => (spec.hostUsers = false)],
  "processes shared with the guard": [/shareProcessNamespace must be false/, ({ spec }) => (spec.shareProcessNamespace = true)],
  "a port of the node": [
    /must have no hostPort/,
    ({ spec }) => (spec.containers[0].ports = [{ containerPort: 8080, hostPort: 8080 }]),
    ({ spec }) => (spec.initContainers[0].ports = [{ containerPort: 8080, hostPort: 8080 }]),
  ],
  "requests from the node": [
    /probes and lifecycle handlers must name no host/,
    ({ spec }) => (spec.containers[0].livenessProbe = { httpGet: { host: "127.0.0.1", port: 10250 } }),
    ({ spec }) => (spec.containers[0].readinessProbe = { tcpSocket: { host: "127.0.0.1", port: 10250 } }),
    ({ spec }) => (spec.initContainers[0].startupProbe = { httpGet: { host: "127.0.0.1", port: 10250 } }),
    ({ spec }) => (spec.containers[0].lifecycle = { postStart: { httpGet: { host: "127.0.0.1", port: 10250 } } }),
    ({ spec }) => (spec.containers[0].lifecycle = { preStop: { httpGet: { host: "127.0.0.1", port: 10250 } } }),
  ],
  "a node of its choice": [/nodeName must be absent/, ({ spec }) => (spec.nodeName = testbed.NODE_NAME)],
  "a priority": [/priorityClassName must be absent/, ({ spec }) => (spec.priorityClassName = "system-node-critical")],
  "another kind of volume": [
    /volumes must be of the kinds/,
    ...[
      { nfs: { server: "storage.example", path: "/home/lee" } },
      { csi: { driver: "driver.example" } },
      { iscsi: { targetPortal: "192.0.2.1", iqn: "iqn.2001-04.com.example:x", lun: 0 } },
      { rbd: { monitors: ["192.0.2.1"], image: "x" } },
      { cephfs: { monitors: ["192.0.2.1"] } },
      { fc: { targetWWNs: ["500a0982991b8dc5"], lun: 0 } },
      { ephemeral: { volumeClaimTemplate: { spec: claim("", "").spec } } },
    ].map(
      (source) =>
        ({ spec }) =>
          spec.volumes.push({ name: "other", ...source }),
    ),
  ],
  "a folder of the node": [
    /hostPath must be of type Directory and one of/,
    ...[
      { path: "/etc", type: "Directory" },
      { path: join(testbed.HOME_ROOT, "lee"), type: "Directory" },
      { path: `${home}/`, type: "Directory" },
      { path: `${home}/deep`, type: "Directory" },
      { path: home },
      { path: home, type: "DirectoryOrCreate" },
      { path: "/dev/sda", type: "BlockDevice" },
    ].map(
      (hostPath) =>
        ({ spec }) =>
          spec.volumes.push({ name: "node", hostPath }),
    ),
  ],
  "a token": [
    /projected volumes must have sources/,
    ...[{ serviceAccountToken: { path: "token" } }, { clusterTrustBundle: { name: "x", path: "x" } }].map(
      (source) =>
        ({ spec }) =>
          spec.volumes.push({ name: "projected", projected: { sources: [{ configMap: { name: "x" } }, source] } }),
    ),
  ],
  "a path made of variables": [
    /must have no subPathExpr/,
    ({ spec }) => (spec.containers[0].volumeMounts[0].subPathExpr = "$(HOME)"),
    ({ spec }) => (spec.initContainers[0].volumeMounts[0].subPathExpr = "$(HOME)"),
  ],
  "the account's token": [
    /automountServiceAccountToken must be false/,
    ({ spec }) => delete spec.automountServiceAccountToken,
    ({ spec }) => (spec.automountServiceAccountToken = true),
  ],
  "a privileged container": [
    /containers must not be privileged/,
    ({ spec }) => (spec.containers[0].securityContext = { privileged: true, capabilities: { drop: ["ALL"] } }),
    ({ spec }) => (spec.initContainers[0].securityContext = { privileged: true, capabilities: { drop: ["ALL"] } }),
  ],
  "new privileges": [
    /allowPrivilegeEscalation of every container must be false/,
    ({ spec }) => delete spec.containers[0].securityContext.allowPrivilegeEscalation,
    ({ spec }) => (spec.initContainers[0].securityContext.allowPrivilegeEscalation = true),
    ({ spec }) => delete spec.containers[0].securityContext,
  ],
  capabilities: [
    /must drop ALL capabilities and add none/,
    ({ spec }) => (spec.containers[0].securityContext.capabilities.add = ["NET_BIND_SERVICE"]),
    ({ spec }) => (spec.initContainers[0].securityContext.capabilities.add = ["DAC_OVERRIDE"]),
    ({ spec }) => delete spec.containers[0].securityContext.capabilities,
  ],
  "an unmasked /proc": [
    /procMount must be Default|hostUsers/,
    ({ spec }) => (spec.containers[0].securityContext.procMount = "Unmasked") && (spec.hostUsers = false),
  ],
  "every system call": [
    /seccompProfile of the pod must be set/,
    ({ spec }) => delete spec.securityContext.seccompProfile,
    ({ spec }) => (spec.securityContext.seccompProfile.type = "Unconfined"),
    ({ spec }) => (spec.containers[0].securityContext.seccompProfile = { type: "Unconfined" }),
  ],
  "no AppArmor": [
    /appArmorProfile must not be Unconfined/,
    ({ spec }) => (spec.securityContext.appArmorProfile = { type: "Unconfined" }),
    ({ spec }) => (spec.containers[0].securityContext.appArmorProfile = { type: "Unconfined" }),
    ({ metadata }) => (metadata.annotations["container.apparmor.security.beta.kubernetes.io/app"] = "unconfined"),
  ],
  "labels of SELinux, Windows and the kernel's settings": [
    /seLinuxOptions, windowsOptions and sysctls must be absent/,
    ({ spec }) => (spec.securityContext.seLinuxOptions = { type: "spc_t" }),
    ({ spec }) => (spec.containers[0].securityContext.seLinuxOptions = { type: "spc_t" }),
    ({ spec }) => (spec.containers[0].securityContext.windowsOptions = { runAsUserName: "x" }),
    ({ spec }) => (spec.securityContext.sysctls = [{ name: "net.ipv4.ping_group_range", value: "0 1" }]),
  ],
  "an image that the site does not allow": [
    /images must be of 127\.0\.0\.1:\d+\/myksc-testbed\/\*\*, registry\.example\.org/,
    ...[
      "busybox",
      "docker.io/library/python:3",
      testbed.IMAGE_BASE.replace("myksc-testbed", "elsewhere"),
      testbed.IMAGE_BASE.replace("127.0.0.1", "127x0.0.1"),
      `evil.example/${testbed.IMAGE_BASE}`,
      "registry.example.org.evil.example/myksc/app:1",
      "ghcr.io/lab/app:2.0",
      "ghcr.io/lab/deep/app:1.0",
      `ghcr.io/lab/app:1.0@${DIGEST}`,
      "ghcr.io/pinned/app:1",
    ].map(
      (image) =>
        ({ spec }) =>
          (spec.containers[0].image = image),
    ),
    ({ spec }) => (spec.initContainers[0].image = "busybox"),
  ],
  "annotations that others act on": [
    /must have no annotations that begin with/,
    ({ metadata }) => (metadata.annotations["cdi.k8s.io/gpu"] = "nvidia.com/gpu=all"),
    ({ metadata }) => (metadata.annotations["k8s.v1.cni.cncf.io/networks"] = "storage"),
    ({ metadata }) => (metadata.annotations["cni.projectcalico.org/ipAddrs"] = '["10.244.0.9"]'),
  ],
};

for (const kind of Object.keys(REFUSED)) {
  test(`${kind} are refused to an administrator, each for its own reason`, limits, async (t) => {
    for (const [what, object, message] of REFUSED[kind]()) {
      await t.test(what, () => refused(object, message));
    }
  });
}

test("what is as it should be is let in", limits, async () => {
  const accepted = [
    pod(hers),
    pod(hers, ({ spec }) => spec.volumes.push({ name: "home", hostPath: { path: home, type: "Directory" } })),
    pod(hers, ({ spec }) => (spec.priorityClassName = "")),
    ...["ghcr.io/lab/app:1.0", `localhost:5000/pinned/app@${DIGEST}`, `quay.io/pinned/app:1@${DIGEST}`, "registry.example.org/myksc/a/b:1"].map(
      (image) => pod(hers, ({ spec }) => (spec.containers[0].image = image)),
    ),
    pod(hers, ({ spec }) => Object.assign(spec.containers[0].securityContext, { runAsUser: 20001, runAsGroup: 20001 })),
    pod(hers, ({ spec }) => delete spec.securityContext.supplementalGroups),
    namespace(`${chart.prefix}20009`, { uid: 20009, gid: 20009, groups: [20009] }),
    namespace(`${chart.prefix}20009-seo`, { uid: 20009, gid: 20009, groups: [20009], paths: [data] }),
    volume(hers, "data", data),
    volume(hers, "data", data, { name: freshName("pvc"), source: { csi: { driver: "a", volumeHandle: "b" } }, storageClassName: "allowed" }),
    claim(hers, "scratch", { storageClassName: "allowed" }),
    service(hers, "headless", { clusterIP: "None" }),
    roleBinding(hers, { name: "support", role: "view", account: "default" }),
    { apiVersion: "v1", kind: "Namespace", metadata: { name: freshName("any") } },
  ];
  for (const object of accepted) await create(object);
});

test("whose a namespace is stays, for administrators too", limits, async () => {
  const change = (more, as = []) => kubectl(...as, "patch", "namespace", hers, "--dry-run=server", "--type=merge", "-p", JSON.stringify({ metadata: more }));
  const other = ["--as=somebody", "--as-group=editors"];
  await kubectl("create", "clusterrole", `${chart.name}-editor`, "--verb=get,patch,create", "--resource=namespaces");
  await kubectl("create", "clusterrolebinding", `${chart.name}-editor`, `--clusterrole=${chart.name}-editor`, "--group=editors");
  try {
    await until("rights of others", () => change({ annotations: { "example.org/colour": "red" } }, other));
    await assert.rejects(change({ annotations: { "myksc.io/groups": "20001,30002" } }, other), /only the portal and administrators/);
    await assert.rejects(change({ annotations: { "myksc.io/paths": data } }, other), /only the portal and administrators/);
    await assert.rejects(create(namespace(`${chart.prefix}20009-seo`, { uid: 20009 }), other), /only the portal and administrators/);
  } finally {
    await kubectl("delete", "clusterrole,clusterrolebinding", `${chart.name}-editor`);
  }
  await change({ annotations: { "myksc.io/groups": "20001,30002" } });
  await assert.rejects(change({ annotations: { "myksc.io/uid": "20002" } }), /annotation myksc\.io\/uid stays/);
  await assert.rejects(change({ annotations: { "myksc.io/uid": null } }), /annotation myksc\.io\/uid stays/);
  await assert.rejects(change({ labels: { "myksc.io/namespace": null } }), /label myksc\.io\/namespace must be "user"/);
  await assert.rejects(change({ labels: { "myksc.io/namespace": "other" } }), /label myksc\.io\/namespace must be "user"/);
});

test("the portal's account gets no further than people's namespaces", limits, async (t) => {
  const as = (...items) => applyAs(chart.account, ...items);
  const other = freshName("other");
  await apply(
    { apiVersion: "v1", kind: "Namespace", metadata: { name: other } },
    volume("default", "x", "/mnt", { name: other }),
  );
  t.after(() => kubectl("delete", "--wait=false", `namespace/${other}`, `persistentvolume/${other}`));
  const labels = { "pod-security.kubernetes.io/enforce": "privileged" };
  await assert.rejects(as({ apiVersion: "v1", kind: "Namespace", metadata: { name: other, labels } }), /label myksc\.io\/namespace must be/);
  await assert.rejects(as({ apiVersion: "v1", kind: "Namespace", metadata: { name: freshName("new") } }), /label myksc\.io\/namespace must be/);
  await assert.rejects(as(namespace(other)), /label myksc\.io\/namespace is set when the namespace is made|name must be/);
  await assert.rejects(as(roleBinding("kube-system")), /grants rights in people's namespaces alone/);
  await assert.rejects(as(roleBinding(chart.name)), /grants rights in people's namespaces alone/);
  await assert.rejects(as(roleBinding(hers, { name: "more", role: "view" })), /attempting to grant RBAC permissions not currently held/);
  await assert.rejects(as(volume("default", "x", home, { name: freshName("volume") })), /volumes of people's namespaces alone/);
  await assert.rejects(as(volume(hers, "x", "/mnt", { name: other })), /volumes of people's namespaces alone/);
});

/** What the portal makes for kim, as its own tests have written it down (insta), in a namespace of this chart. */
async function ofPortal(name) {
  const folder = `${root}/crates/apps/src/runtime/kubernetes/snapshots`;
  const kinds = ["namespace", "grant", "quota", "limit_range", "network_policies", "identity_map", "volumes", "claims", "service", "deployment"];
  const read = async (kind) => {
    const text = await readFile(`${folder}/myksc_apps__runtime__kubernetes__tests__${kind}.snap`, "utf8");
    const json = text.slice(text.indexOf("---", 3) + 3);
    const own = json.replaceAll("myksc-20001-kim", name).replaceAll("myksc-namespace", chart.role);
    return [kind, JSON.parse(own)];
  };
  const made = Object.fromEntries(await Promise.all(kinds.map(read)));
  made.grant.subjects = roleBinding(name).subjects;
  // Its owner there is none of this cluster.
  delete made.service.metadata.ownerReferences;
  return made;
}

/** Gives the portal its rights in kim's namespace, and waits until they hold. */
async function settle() {
  await applyAs(chart.account, roleBinding(hers));
  await until("the portal's rights", () => kubectl(`--as=${chart.account}`, "-n", hers, "get", "pods").then(() => true));
}

/** The account's rights in a namespace, less those of everybody: "verb,verb group/resource name". */
async function rights(place) {
  const review = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectRulesReview", spec: { namespace: place } };
  const ask = ["create", "--raw", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", "-f", "-"];
  const answer = JSON.parse(await kubectl(`--as=${chart.account}`, ...ask, { input: JSON.stringify(review) }));
  const { resourceRules, incomplete } = answer.status;
  assert.equal(incomplete, false);
  const each = resourceRules.flatMap(({ verbs, apiGroups, resources, resourceNames = [""] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        resourceNames.map((name) => `${verbs.join(",")} ${group && `${group}/`}${resource} ${name}`.trimEnd()),
      ),
    ),
  );
  return each.filter((right) => !/^create authoriz?ation\.k8s\.io\/self|^create authentication\.k8s\.io\/self/.test(right)).toSorted();
}

/** Whether the account may, each: [verb, "resource", "group/resource" or "resource/subresource", namespace or "" for all]. */
async function mayDo(asked) {
  const items = asked.map(([verb, what, namespace]) => {
    const parts = what.split("/");
    const group = /\.|^apps$/.test(parts[0]) ? parts.shift() : "";
    const [resource, subresource] = parts;
    return {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: {
        user: chart.account,
        groups: ["system:serviceaccounts", `system:serviceaccounts:${chart.name}`, "system:authenticated"],
        resourceAttributes: { verb, group, resource, subresource, namespace },
      },
    };
  });
  const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  // One document after the other.
  const answers = await kubectl("create", "-f", "-", "-o", "jsonpath={.status.allowed} ", { input });
  return answers.trim().split(" ").map((word) => word === "true");
}

/** Asks the API server whether it would make the object. */
function create(object, as = []) {
  return kubectl(...as, "create", "--dry-run=server", "--validate=false", "-f", "-", { input: JSON.stringify(object) });
}

/** The policy's own words are what it is refused with. */
function refused(object, message) {
  return assert.rejects(create(object), (error) => {
    assert.match(error.message, /ValidatingAdmissionPolicy '\S+' with binding '\S+' denied request: /);
    assert.match(error.message, message);
    return true;
  });
}

function namespace(name, { uid = KIM.uid, gid = KIM.gid, groups = KIM.groups, paths = [home], level = "privileged" } = {}) {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name,
      labels: {
        "app.kubernetes.io/managed-by": "myksc",
        "myksc.io/namespace": "user",
        "pod-security.kubernetes.io/enforce": level,
      },
      annotations: {
        "myksc.io/user": "kim",
        "myksc.io/uid": String(uid),
        "myksc.io/gid": String(gid),
        "myksc.io/groups": groups.join(","),
        "myksc.io/paths": paths.join(":"),
      },
    },
  };
}

function roleBinding(place, { name = "myksc", kind = "ClusterRole", role = chart.role, account = `${chart.name}-control` } = {}) {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { namespace: place, name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name: role },
    subjects: [{ kind: "ServiceAccount", name: account, namespace: chart.name }],
  };
}

function volume(place, mount, path, { name = `${place}-${mount}`, type = "Directory", source, storageClassName = "" } = {}) {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: {
      accessModes: ["ReadWriteMany"],
      capacity: { storage: "1Gi" },
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: place, name: `myksc-${mount}` },
      ...(source ?? { hostPath: { path, type } }),
      persistentVolumeReclaimPolicy: "Retain",
      storageClassName,
    },
  };
}

function claim(place, name, more = {}) {
  const resources = { requests: { storage: "1Gi" } };
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { namespace: place, name },
    spec: { accessModes: ["ReadWriteMany"], storageClassName: "", resources, ...more },
  };
}

function service(place, name, more = {}) {
  const spec = { selector: { "myksc.io/app": "x" }, ports: [{ name: "guard", port: 7443, protocol: "TCP" }], ...more };
  return { apiVersion: "v1", kind: "Service", metadata: { namespace: place, name }, spec };
}

function identity(place) {
  const passwd = `root:x:0:0:root:/root:/bin/sh\nkim:x:20001:20001::${home}:/bin/bash\n`;
  const group = "root:x:0:\nkim:x:20001:\ng30001:x:30001:kim\n";
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: place, name: "myksc-identity" }, data: { passwd, group } };
}

function secret(place) {
  const labels = { "app.kubernetes.io/managed-by": "myksc" };
  return { apiVersion: "v1", kind: "Secret", metadata: { namespace: place, name: "app-x", labels }, stringData: { "guard-key": "00" } };
}

/** A pod as the portal's Deployments make it, perhaps changed. */
function pod(place, change = () => {}) {
  const securityContext = () => ({ allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } });
  const wait = ["sh", "-c", "trap exit TERM; sleep infinity & wait"];
  const made = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: place, name: freshName("app"), labels: { "myksc.io/app": "x" }, annotations: { "myksc.io/generation": "1" } },
    spec: {
      securityContext: {
        runAsUser: 20001,
        runAsGroup: 20001,
        runAsNonRoot: true,
        supplementalGroups: [30001],
        supplementalGroupsPolicy: "Strict",
        seccompProfile: { type: "RuntimeDefault" },
      },
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 1,
      volumes: [
        { name: "run", emptyDir: { medium: "Memory", sizeLimit: "64Mi" } },
        { name: "tmp", emptyDir: {} },
        { name: "identity", configMap: { name: "myksc-identity", defaultMode: 0o444 } },
        { name: "key", secret: { secretName: "app-x", defaultMode: 0o444, items: [{ key: "guard-key", path: "guard-key" }] } },
      ],
      initContainers: [
        {
          name: "guard",
          image: testbed.IMAGE_BASE,
          command: wait,
          restartPolicy: "Always",
          ports: [{ name: "guard", containerPort: 7443 }],
          securityContext: { ...securityContext(), readOnlyRootFilesystem: true },
          volumeMounts: [
            { name: "key", mountPath: "/etc/myksc-guard", readOnly: true },
            { name: "run", mountPath: "/run/myksc" },
          ],
        },
      ],
      containers: [
        {
          name: "app",
          image: testbed.IMAGE_BASE,
          command: wait,
          resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { cpu: "1", memory: "64Mi" } },
          securityContext: securityContext(),
          terminationMessagePolicy: "FallbackToLogsOnError",
          volumeMounts: [
            { name: "tmp", mountPath: "/tmp" },
            { name: "run", mountPath: "/run/myksc" },
            { name: "identity", mountPath: "/etc/passwd", subPath: "passwd", readOnly: true },
            { name: "identity", mountPath: "/etc/group", subPath: "group", readOnly: true },
          ],
        },
      ],
    },
  };
  change(made);
  return made;
}
