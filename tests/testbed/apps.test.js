// kim's apps on the centre's cluster: launched from the dashboard, run as her, reached through their guards.

import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, rm, rmdir, stat } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { after } from "node:test";

import { picture } from "../browser/support/browser.js";
import { journey } from "../browser/support/journey.js";
import { newNotebook, runCode, saveAs, waitForLauncher } from "../browser/support/jupyterlab.js";
import { examine } from "../browser/support/looks.js";
import { callApi, cardOf, launchJupyterLab, openApp, waitForFirstLaunch, waitForPhase } from "../browser/support/pages.js";
import { until } from "../browser/support/until.js";
import { allowedImages, enterPassword, launchSmall, portalOnCluster } from "./support/centre.js";
import { joinGroup, leaveGroup } from "./support/directory.js";
import { apply, execute, get, kubectl, makeNamespace, podOfKim, probe, readyPod } from "./support/cluster.js";
import { printVersions, testbed } from "./support/exports.js";
import { freshName } from "./support/programs.js";

printVersions("people", "kubernetes", "images");

const HOME = `${testbed.HOME_ROOT}/kim`;

/** A journey with a portal whose namespaces are its own: other portals have other keys, and find other apps. */
async function journeyOnCluster(name, walk, settings) {
  const prefix = `${freshName("t")}-`;
  const namespace = `${prefix}20001-kim`;
  const portal = await portalOnCluster(prefix, settings);
  journey(name, { timeout: 300_000, portal }, (given) => {
    given.context.after(() => kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false"));
    return walk({ ...given, namespace });
  });
}

/** kim's dashboard. */
async function signIn(page, portal) {
  await enterPassword(page, portal, "kim", testbed.PASSWORD_KIM);
  await page.waitForURL(`${portal.origin}/`);
}

const labelled = async (namespace, label) =>
  JSON.parse(await kubectl("-n", namespace, "get", "pods", "-l", label, "-o", "json")).items;

const podsOf = (namespace, app) => labelled(namespace, `myksc.io/app=${app}`);

const appOf = async (page, name) => {
  const { items } = (await callApi(page, "GET", "/apps")).body;
  return items.find((app) => app.name === name);
};

/** What a guard says to a stranger: its greeting, and nothing to whatever the stranger says then. */
async function knock(address, port) {
  const socket = connect(port, address);
  await once(socket, "connect");
  const chunks = await once(socket, "data");
  socket.write(`GET /api HTTP/1.1\r\nHost: x\r\n\r\n${" ".repeat(64)}`);
  try {
    for await (const chunk of socket) chunks.push(chunk);
  } catch (error) {
    // It closes without reading all that the stranger said, which resets the connection.
    if (error.code !== "ECONNRESET") throw error;
  }
  return Buffer.concat(chunks);
}

await journeyOnCluster("kim works in JupyterLab on the cluster as herself", async ({ context, portal, profile, page, namespace }) => {
  context.after(() => leaveGroup("kim", "proj2").catch(() => {}));
  await signIn(page, portal);
  const card = await launchJupyterLab(page, "lab");
  await waitForFirstLaunch(card);
  const app = await appOf(page, "lab");
  assert.deepEqual(
    app.steps.map(({ step }) => step),
    ["accepted", "placed", "image_ready", "started", "answering"],
  );
  assert.match(app.steps[1].source, /^node /);

  const lab = await openApp(profile, card);
  await lab.waitForURL(/\/lab/);
  await lab.goto(new URL("/lab?reset", lab.url()).href);
  await waitForLauncher(lab);
  await newNotebook(lab);
  const ids = "import os, pwd; print(os.getuid(), os.getgid(), sorted(os.getgroups()), os.path.expanduser('~'), pwd.getpwuid(os.getuid()).pw_name)";
  assert.equal((await runCode(lab, ids)).trim(), `20001 20001 [20001, 30001] ${HOME} kim`);
  await saveAs(lab, "cluster.ipynb");
  assert.equal((await stat(`${HOME}/cluster.ipynb`)).uid, 20001);
  await rm(`${HOME}/cluster.ipynb`);
  await picture(lab, "app-on-cluster");

  // Somebody takes the pod away: another one comes, and the same card leads to it.
  const [pod] = await podsOf(namespace, app.id);
  await kubectl("-n", namespace, "delete", "pod", pod.metadata.name, "--grace-period=1");
  await until("another pod answers", async () => {
    const pods = await podsOf(namespace, app.id);
    assert.ok(pods.length === 1 && pods[0].metadata.uid !== pod.metadata.uid);
    return (await lab.evaluate(async () => (await fetch("/api")).status)) === 200;
  }, { limitMs: 60_000, everyMs: 200 });
  assert.equal((await appOf(page, "lab")).phase, "ready");

  // A group that she joins is hers in what she launches from then on, and in nothing that runs.
  await joinGroup("kim", "proj2");
  await until("her new group is known", async () => {
    const { user } = (await callApi(page, "GET", "/session")).body;
    return user.groups.some(({ gid }) => gid === 30002);
  });
  const groupsIn = async (id) => (await kubectl("-n", namespace, "exec", (await podsOf(namespace, id))[0].metadata.name, "-c", "app", "--", "id", "-G")).trim();
  await launchSmall(page, "later");
  await waitForPhase(cardOf(page, "later"), "ready");
  assert.equal(await groupsIn((await appOf(page, "later")).id), "20001 30001 30002");
  assert.equal(await groupsIn(app.id), "20001 30001");

  // Stopped, it keeps its definition and nothing else; deleted, nothing is left.
  assert.equal((await callApi(page, "POST", `/apps/${app.id}/stop`)).status, 202);
  await waitForPhase(card, "stopped");
  assert.deepEqual(await podsOf(namespace, app.id), []);
  assert.equal((await callApi(page, "DELETE", `/apps/${app.id}`)).status, 202);
  await card.waitFor({ state: "detached" });
  await until("nothing of it is left", async () => {
    const names = await kubectl("-n", namespace, "get", "all,secrets", "-l", `myksc.io/app=${app.id}`, "-o", "name");
    return names.trim() === "";
  });
});

await journeyOnCluster("an image of kim's own runs as her, whatever it says of itself, and nobody reaches it but through the portal", async ({ context, portal, profile, page, namespace }) => {
  await signIn(page, portal);
  await page.getByRole("link", { name: /Open a notebook|^App/ }).first().click();
  const dialog = page.getByRole("dialog", { name: "New app" });
  await dialog.getByRole("button", { name: /^Own image/ }).click();
  await dialog.getByRole("textbox", { name: "Name" }).fill("forged");
  const image = dialog.getByLabel("Image", { exact: true });
  const start = dialog.getByRole("button", { name: "Start Own image" });

  // What is not allowed is told at the field, with what is.
  for (const allowed of allowedImages()) await dialog.getByText(allowed, { exact: true }).waitFor();
  for (const [wrong, said] of [
    ["python:3.12", `Your centre allows these images: ${allowedImages().join(", ")}`],
    [testbed.IMAGE_FORGED.replace(/:[^:/]+$/, ""), "Add a tag or a digest"],
    ["$(reboot)", "Write the whole name of an image"],
  ]) {
    await image.fill(wrong);
    await start.click();
    await dialog.getByText(said).waitFor();
  }
  const looks = (name) => examine(page, name, (theme, width) => picture(page, `${name}-${theme}-${width}`));
  assert.deepEqual(await looks("own-image"), []);
  await image.fill(testbed.IMAGE_FORGED);
  await start.click();
  const card = cardOf(page, "forged");
  await waitForFirstLaunch(card);
  const app = await appOf(page, "forged");
  assert.equal(app.values.image, testbed.IMAGE_FORGED);

  const probe_ = await openApp(profile, card);
  await probe_.waitForFunction(() => document.body.innerText.includes("identity"));
  const { identity, headers } = JSON.parse(await probe_.evaluate(() => document.body.innerText));
  const nothing = { capabilities: "0000000000000000", noNewPrivileges: true, seccomp: "2" };
  assert.deepEqual(identity, { uid: 20001, gid: 20001, groups: [20001, 30001], ...nothing });
  assert.equal(headers.Authorization, undefined);
  assert.ok(!JSON.stringify(headers.Cookie ?? "").includes("myksc"), "the portal's cookies stay with it");
  const file = (path, init) =>
    probe_.evaluate(async ([path, init]) => {
      const answer = await fetch(`/?file=${encodeURIComponent(path)}`, init);
      return [answer.status, await answer.text()];
    }, [path, init]);
  // Names are ours, and what the image's files say of them is under ours.
  assert.deepEqual(await file("/etc/group"), [200, "root:x:0:\nnogroup:x:65534:\nkim:x:20001:\ng30001:x:30001:kim\n"]);
  assert.match((await file("/etc/passwd"))[1], /^kim:x:20001:20001:/m);
  assert.equal((await file("/etc/shadow"))[0], 403);
  assert.equal((await file("/var/run/secrets/kubernetes.io/serviceaccount/token"))[0], 404);
  assert.deepEqual(await file("note"), [200, "made for this folder\n"]);
  assert.equal((await file(`${HOME}/of-her-image.txt`, { method: "PUT", body: "kim" }))[0], 204);
  assert.equal((await stat(`${HOME}/of-her-image.txt`)).uid, 20001);
  await rm(`${HOME}/of-her-image.txt`);

  // A program that would make anybody root makes her nobody else.
  const [pod] = await podsOf(namespace, app.id);
  const inImage = (...command) => kubectl("-n", namespace, "exec", pod.metadata.name, "-c", "app", "--", ...command);
  assert.match(await inImage("id"), /^uid=20001\(kim\) gid=20001\(kim\) groups=20001\(kim\),30001\(g30001\)$/m);
  await assert.rejects(inImage("cat-as-root", "/etc/shadow"), /Permission denied/);

  // It listens at every address of its pod; of the cluster's pods the gateway's reaches the guard, and nothing else.
  const gateway = await makeNamespace("gateway", { name: namespace.replace("20001-kim", "gateway") });
  context.after(gateway.remove);
  await readyPod(podOfKim(gateway.name, "gateway", probe()));
  const knockAt = (port, say) =>
    execute(gateway.name, "gateway", "timeout", "3", "bash", "-c", `exec 3<>/dev/tcp/${pod.status.podIP}/${port}; ${say} head -c 8 <&3`);
  assert.equal(await knockAt(7443, ""), "mykscgd1");
  await assert.rejects(knockAt(8080, "printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3;"), ({ status }) => status === 124);
});

await journeyOnCluster("a private image waits for kim's password of its registry, and starts with it", async ({ portal, page, namespace }) => {
  await signIn(page, portal);
  const [host, password] = [testbed.PRIVATE_REGISTRY, testbed.PRIVATE_REGISTRY_PASSWORD];
  await launchSmall(page, "private", "image", { values: { image: testbed.PRIVATE_IMAGE, port: "8080" } });
  const card = cardOf(page, "private");
  const refusal = card.getByText(`Image refused: sign in to the registry ${host}`);
  await refusal.waitFor({ timeout: 90_000 });
  await picture(page, "refused-image");

  await page.goto(`${portal.origin}/account`);
  const section = page.getByRole("region", { name: "Image registries" });
  const store = section.getByRole("button", { name: "Store" });
  await section.getByText("You have stored no password.").waitFor();
  await section.getByRole("textbox", { name: "Registry" }).fill("docker.io");
  await section.getByRole("textbox", { name: "Account" }).fill(testbed.PRIVATE_REGISTRY_USER);
  await section.locator("input[type=password]").fill(password);
  await store.click();
  await section.getByText("Your centre allows these images").waitFor();
  await section.getByRole("textbox", { name: "Registry" }).fill(host);
  await store.click();
  await section.getByRole("listitem").getByText(host, { exact: true }).waitFor();
  assert.equal(await section.locator("input[type=password]").inputValue(), "");
  assert.deepEqual(await examine(page, "registries", (theme, width) => picture(page, `registries-${theme}-${width}`)), []);

  // The launch that waited goes on by itself: the kubelet asks for the password at each try.
  await page.goto(portal.origin);
  await waitForFirstLaunch(card);
  assert.equal(await refusal.count(), 0);
  const secrets = async () =>
    JSON.parse(await kubectl("-n", namespace, "get", "secrets", "-o", "json")).items.filter(({ type }) => type === "kubernetes.io/dockerconfigjson");
  const [{ metadata }] = await secrets();
  assert.equal(metadata.labels["app.kubernetes.io/managed-by"], "myksc");
  // It is there and nowhere else.
  const auth = Buffer.from(`${testbed.PRIVATE_REGISTRY_USER}:${password}`).toString("base64");
  const files = await readdir(portal.state, { recursive: true, withFileTypes: true });
  const contents = files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), "latin1"));
  const said = [...(await Promise.all(contents)), ...portal.log].join("\n");
  assert.ok(said.includes("put_registry") && !said.includes(password) && !said.includes(auth));

  const listed = (await callApi(page, "GET", "/registries")).body.items;
  assert.deepEqual(listed.map(({ host, account }) => [host, account]), [[host, testbed.PRIVATE_REGISTRY_USER]]);
  assert.equal((await callApi(page, "DELETE", `/registries/${encodeURIComponent(host)}`)).status, 204);
  assert.deepEqual([await secrets(), (await callApi(page, "GET", "/registries")).body.items], [[], []]);
});

await journeyOnCluster("a guard lets nobody in but the gateway, with network policies and without", async ({ context, portal, page, namespace }) => {
  await signIn(page, portal);
  await waitForPhase(await launchJupyterLab(page, "guarded"), "ready");
  const app = await appOf(page, "guarded");
  const [pod] = await podsOf(namespace, app.id);
  const address = pod.status.podIP;

  // The node reaches every pod, as some of a cluster's machines always do.
  const heard = await knock(address, 7443);
  assert.equal(heard.subarray(0, 8).toString(), "mykscgd1");
  assert.equal(heard.length, 40);
  // JupyterLab itself listens in the pod alone.
  await assert.rejects(knock(address, 8888), /ECONNREFUSED/);

  const policies = JSON.parse(await kubectl("-n", namespace, "get", "networkpolicies", "-o", "json")).items;
  assert.deepEqual(policies.map(({ metadata }) => metadata.name).sort(), ["myksc-closed", "myksc-open"]);

  // Of the cluster's pods the gateway's own alone: neither its neighbours nor what has its label elsewhere.
  const own = await makeNamespace("gateway", { name: namespace.replace("20001-kim", "gateway") });
  const other = await makeNamespace("gateway");
  context.after(() => Promise.all([own.remove(), other.remove()]));
  const asking = [[own.name, "gateway"], [own.name, "neighbour"], [other.name, "gateway"]];
  await Promise.all(asking.map(([place, name]) => readyPod(podOfKim(place, name, probe()))));
  const greet = ([place, name]) =>
    execute(place, name, "timeout", "3", "bash", "-c", `exec 3<>/dev/tcp/${address}/7443; head -c 8 <&3`);
  assert.equal(await greet(asking[0]), "mykscgd1");
  for (const stranger of asking.slice(1)) await assert.rejects(greet(stranger), ({ status }) => status === 124);
});

await journeyOnCluster("what holds a launch is on the card, and goes when that is mended", async ({ portal, page, namespace }) => {
  await signIn(page, portal);
  await launchSmall(page, "first");
  await waitForPhase(cardOf(page, "first"), "ready");
  // An operator's quota, made with kubectl, in which a second one of them has no room.
  const quota = { apiVersion: "v1", kind: "ResourceQuota", metadata: { namespace, name: "small" } };
  await apply({ ...quota, spec: { hard: { "requests.cpu": "900m" } } });
  await until("the quota is counted", async () => (await get(namespace, "resourcequota", "small")).status?.used?.["requests.cpu"]);
  await launchSmall(page, "second");
  const second = cardOf(page, "second");
  const hold = second.getByText(/The quota of cpu is used up: 510m asked, 510m of 900m in use/);
  await hold.waitFor();
  await picture(page, "held-app");
  assert.equal((await appOf(page, "second")).phase, "starting");
  await kubectl("-n", namespace, "delete", "resourcequota", "small");
  await waitForPhase(second, "ready");
  assert.equal(await hold.count(), 0);
});

// A registry that takes requests and never answers, and a folder that nobody has made.
const slow = createServer((socket) => socket.unref()).unref().listen(0, "127.0.0.1");
await once(slow, "listening");
const SLOW = `127.0.0.1:${slow.address().port}`;
const ABSENT = join(testbed.SCRATCH_ROOT, freshName("absent"));
after(async () => {
  slow.close();
  await rm(ABSENT, { recursive: true, force: true });
});

await journeyOnCluster("a launch says that its image is on its way, and which folder is not there", async ({ portal, page }) => {
  await signIn(page, portal);
  await launchSmall(page, "waiting", "image", { values: { image: testbed.IMAGE_PROBE, port: "8080" } });
  const waiting = cardOf(page, "waiting");
  await waiting.getByText(`The folder ${ABSENT} is not on the machine`).waitFor({ timeout: 60_000 });
  await mkdir(ABSENT);
  await waitForFirstLaunch(waiting);

  const asked = once(slow, "connection");
  await launchSmall(page, "slow", "image", { values: { image: `${SLOW}/lab/app:1`, port: "8080" } });
  await cardOf(page, "slow").getByText("Its image is being fetched.").waitFor({ timeout: 60_000 });
  await asked;
  const app = await appOf(page, "slow");
  assert.deepEqual([app.phase, app.steps.at(-1).step], ["starting", "placed"]);
}, {
  images: [`${testbed.REGISTRY}/**`, `${SLOW}/**`],
  more: `[[kubernetes.mounts]]\nid = "absent"\npath = "${ABSENT}"\n`,
});

await journeyOnCluster("kim's files are read and written by an agent of her own, as herself", async ({ portal, page, namespace }) => {
  await chmod(HOME, 0o700);
  await signIn(page, portal);
  await page.goto(`${portal.origin}/files`);
  const shown = (name) => page.getByRole("row", { name });
  await page.locator("input[type=file][multiple]").first().setInputFiles({ name: "측정.csv", mimeType: "text/csv", buffer: Buffer.from("a,b\n1,2\n") });
  await shown(/측정\.csv/).waitFor();
  const { uid, gid } = await stat(`${HOME}/측정.csv`);
  assert.deepEqual([uid, gid], [20001, 20001]);
  assert.equal(await readFile(`${HOME}/측정.csv`, "utf8"), "a,b\n1,2\n");
  await picture(page, "files-on-cluster");

  const pods = await labelled(namespace, "myksc.io/agent=files");
  assert.equal(pods.length, 1);
  const ids = await kubectl("-n", namespace, "exec", pods[0].metadata.name, "-c", "files", "--", "cat", "/proc/self/status");
  assert.match(ids, /^Uid:\t20001\t20001\t20001\t20001$/m);
  assert.match(ids, /^CapEff:\t0+$/m);

  // Somebody takes her whole place away: the next look brings another agent.
  await kubectl("delete", "namespace", namespace);
  await rm(`${HOME}/측정.csv`);
  await page.reload();
  await shown(/측정\.csv/).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "New folder" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Name" }).fill("다시");
  await page.getByRole("dialog").getByRole("textbox", { name: "Name" }).press("Enter");
  await shown(/다시/).waitFor();
  assert.equal((await stat(`${HOME}/다시`)).uid, 20001);
  await rmdir(`${HOME}/다시`);
});

await journeyOnCluster("a portal that lost its database finds every app again", async ({ portal, page, namespace }) => {
  await signIn(page, portal);
  await waitForPhase(await launchJupyterLab(page, "kept"), "ready");
  const before = await appOf(page, "kept");
  await portal.kill();
  for (const suffix of ["", "-wal", "-shm"]) await rm(`${portal.state}/portal.db${suffix}`, { force: true });
  await portal.start();
  await signIn(page, portal);
  const card = cardOf(page, "kept");
  await waitForPhase(card, "ready");
  const found = await appOf(page, "kept");
  assert.deepEqual([found.id, found.generation], [before.id, before.generation]);
});
