// The testbed's images, pulled from its registry and run in its cluster as a user.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";

import { makeNamespace, podOfKim, probe, readyPod } from "./support/cluster.js";
import { printVersions, root, testbed } from "./support/exports.js";
import { run } from "./support/programs.js";
import { ask, echo } from "./support/web.js";

let namespace;
let home;

before(async () => {
  printVersions("kubernetes", "images");
  namespace = await makeNamespace("images");
  home = fs.mkdtempSync(path.join(testbed.SCRATCH_ROOT, "test-images-"));
  fs.chownSync(home, 20001, 20001);
  fs.chmodSync(home, 0o700);
});

after(async () => {
  await namespace?.remove();
  if (home) fs.rmSync(home, { recursive: true });
});

const homeVolumes = () => [{ name: "home", hostPath: { path: home, type: "Directory" } }];
const homeMounts = () => [{ name: "home", mountPath: home }];

test("every image but the smallest stands on the same layer", async () => {
  const names = Object.keys(testbed).filter((name) => name.startsWith("IMAGE_") && name !== "IMAGE_PAUSE");
  assert.ok(names.length > 3, names.join());
  const [base] = await layersOf(testbed.IMAGE_BASE);
  for (const name of names) assert.equal((await layersOf(testbed[name]))[0], base, name);
});

test("a centre gets the images of portal and apps into a registry of its own", { timeout: 300_000 }, async () => {
  const registry = `${testbed.REGISTRY}/centre`;
  const env = { ...process.env, MYKSC_PROFILE: "dev" };
  const said = await run(`${root}/tools/images`, [registry, "--dest-tls-verify=false"], { env, limitMs: 240_000 });
  const pushed = said.trim().split("\n");
  assert.deepEqual(pushed.map((image) => image.slice(registry.length + 1).split(":")[0]), ["portal", "agent", "jupyterlab", "vscode", "desktop", "terminal"]);
  for (const image of pushed) assert.ok((await layersOf(image)).length > 1, image);
});

test("the probe shows whom it runs as and what it was asked, and echoes", async () => {
  const pod = podOfKim(namespace.name, "probe", probe({ volumeMounts: homeMounts() }), homeVolumes());
  const at = `${(await readyPod(pod)).status.podIP}:8080`;

  const answer = JSON.parse((await ask(at, "/a/path?b=c")).body);
  assert.equal(answer.hostname, "probe");
  assert.equal(answer.path, "/a/path");
  assert.equal(answer.query, "b=c");
  assert.deepEqual(answer.identity, {
    uid: 20001,
    gid: 20001,
    groups: [20001, 30001],
    capabilities: "0000000000000000",
    noNewPrivileges: true,
    seccomp: "2",
  });
  assert.equal(await echo(at, "/socket", "안녕"), "안녕");

  const note = path.join(home, "note");
  assert.equal((await ask(at, `/?file=${note}`, { method: "PUT", body: "kim was here" })).status, 204);
  assert.equal(fs.readFileSync(note, "utf8"), "kim was here");
  assert.equal(fs.statSync(note).uid, 20001);
  assert.equal((await ask(at, "/?file=/etc/shadow")).status, 403);
});

test("JupyterLab becomes ready as a user with nothing to write in but a home", async () => {
  const started = Date.now();
  const container = {
    image: testbed.IMAGE_JUPYTERLAB,
    args: ["jupyter-lab", "--ip=0.0.0.0", "--port=8888", "--no-browser"],
    env: [
      { name: "HOME", value: home },
      { name: "JUPYTER_TOKEN", value: "a-token-of-this-test" },
    ],
    workingDir: home,
    volumeMounts: [...homeMounts(), { name: "tmp", mountPath: "/tmp" }],
    readinessProbe: { httpGet: { path: "/api", port: 8888 }, periodSeconds: 1 },
  };
  const pod = podOfKim(namespace.name, "jupyterlab", container, [...homeVolumes(), { name: "tmp", emptyDir: {} }]);
  const at = `${(await readyPod(pod)).status.podIP}:8888`;
  console.log(`JupyterLab was ready ${((Date.now() - started) / 1000).toFixed(1)} s after it was asked for`);

  assert.match(JSON.parse((await ask(at, "/api")).body).version, /^2\./);
  assert.equal((await ask(at, "/api/contents")).status, 403);
  const page = await ask(at, "/lab?token=a-token-of-this-test");
  assert.equal(page.status, 200);
  assert.match(page.body, new RegExp(`"appVersion": "${testbed.IMAGE_JUPYTERLAB.split(":").at(-1)}"`));
});

async function layersOf(image) {
  const [, registry, name, tag] = /^([^/]+)\/(.+):([^:]+)$/.exec(image);
  const accept = "application/vnd.oci.image.manifest.v1+json";
  const answer = await fetch(`http://${registry}/v2/${name}/manifests/${tag}`, { headers: { accept } });
  assert.equal(answer.status, 200);
  return (await answer.json()).layers.map((layer) => layer.digest);
}
