// The portal in the cluster, as its chart installs it, reached as people do: through Istio's gateway, over TLS.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { after, test } from "node:test";

import { newProfile, picture, startBrowser } from "../browser/support/browser.js";
import { desktopOf, openTerminal, takeToDesktop } from "../browser/support/desktop.js";
import { newNotebook, runCode, saveAs, waitForLauncher } from "../browser/support/jupyterlab.js";
import { callApi, cardOf, launchJupyterLab, openApp, waitForFirstLaunch, waitForPhase } from "../browser/support/pages.js";
import { say, shows, terminalOf } from "../browser/support/terminal.js";
import { until } from "../browser/support/until.js";
import { enterPassword, launchSmall } from "./support/centre.js";
import { apply, execute, get, kubectl, podOfKim } from "./support/cluster.js";
import { printVersions, testbed } from "./support/exports.js";
import { freshName, run } from "./support/programs.js";

printVersions("people", "database", "kubernetes", "images", "istio", "ssh", "slurm", "portal");

const PORTAL = { origin: testbed.PORTAL_ORIGIN };
const OWN = testbed.PORTAL_NAMESPACE;
const ACCOUNT = `system:serviceaccount:${OWN}:myksc-control`;
const HERS = "myksc-20001-kim";
const HOME = `${testbed.HOME_ROOT}/kim`;

after(() => kubectl("delete", "namespace", HERS, "--ignore-not-found", "--wait=false"));

test("kim works in JupyterLab through Istio, and goes on when the portal's pod is another", { timeout: 400_000 }, async (context) => {
  const { profile, page } = await dashboard(context);
  const name = freshName("lab");
  const card = await launchJupyterLab(page, name);
  await waitForFirstLaunch(card);
  await picture(page, "dashboard-on-cluster");

  const lab = await openApp(profile, card);
  await lab.waitForURL(/\/lab/);
  assert.match(new URL(lab.url()).host, /^[a-z0-9-]+\.apps\.testbed\.localhost:\d+$/);
  await waitForLauncher(lab);
  await newNotebook(lab);
  assert.equal((await runCode(lab, "import os; print(os.getuid(), os.path.expanduser('~'))")).trim(), `20001 ${HOME}`);
  await saveAs(lab, "istio.ipynb");
  assert.equal((await stat(`${HOME}/istio.ipynb`)).uid, 20001);
  await rm(`${HOME}/istio.ipynb`);

  // Istio leads everybody to our gateway, which lets in whom it knows, whatever headers say.
  assert.equal(await statusOf(`${new URL(lab.url()).origin}/lab`), 401);
  assert.equal(await statusOf(`${PORTAL.origin}/api/v1/apps`), 401);

  const before = (await callApi(page, "GET", "/apps")).body.items.find((app) => app.name === name);
  await kubectl("-n", OWN, "rollout", "restart", "deployment/myksc");
  await kubectl("-n", OWN, "rollout", "status", "deployment/myksc", "--timeout=90s");
  await until("the session and the app are still there", async () => {
    const { status, body } = await callApi(page, "GET", "/apps");
    return status === 200 && body.items.some(({ id, phase }) => id === before.id && phase === "ready");
  }, { limitMs: 60_000 });
  await page.reload();
  await waitForPhase(card, "ready");
  await until("the notebook answers", async () => (await lab.evaluate(async () => (await fetch("/api")).status)) === 200, { limitMs: 30_000 });

  await deleteApps(page);
});

test("kim works in the terminal of VS Code as herself", { timeout: 400_000 }, async (context) => {
  const { profile, page } = await dashboard(context);
  const name = freshName("code");
  await launchSmall(page, name, "vscode");
  await waitForFirstLaunch(cardOf(page, name));
  const code = await openApp(profile, cardOf(page, name));
  await code.locator(".monaco-workbench .part.editor").waitFor({ timeout: 60_000 });
  await code.getByRole("treeitem", { name: /\.bashrc|kim|\.local/ }).first().waitFor();
  await code.keyboard.press("Control+Backquote");
  await code.locator(".terminal-wrapper .xterm-helper-textarea").waitFor({ state: "attached" });
  await picture(code, "vscode");
  const note = `${HOME}/${name}.txt`;
  await until("the shell takes what is typed", async () => {
    await code.locator(".terminal-wrapper .xterm-helper-textarea").focus();
    await code.keyboard.type(`id -un > ${note}; id -G >> ${note}\n`);
    return (await readFile(note, "utf8")).endsWith("30001\n");
  }, { limitMs: 30_000, everyMs: 3_000 });
  await deleteApps(page);
  assert.equal(await readFile(note, "utf8"), "kim\n20001 30001\n");
  assert.equal((await stat(note)).uid, 20001);
  await rm(note);
});

test("kim works on a desktop and on another beside it, as herself and in Korean", { timeout: 400_000 }, async (context) => {
  const { profile, page } = await dashboard(context);
  const names = [freshName("desk"), freshName("desk")];
  const noteOf = (name) => `${HOME}/${name}.txt`;
  const says = (name, text) => async () => (await readFile(noteOf(name), "utf8")) === text;
  context.after(() => Promise.all(names.map((name) => rm(noteOf(name), { force: true }))));
  for (const name of names) await launchSmall(page, name, "desktop", { memoryMib: 1024 });
  const desktops = [];
  for (const name of names) {
    await waitForFirstLaunch(cardOf(page, name));
    const desktop = await desktopOf(await openApp(profile, cardOf(page, name)));
    await openTerminal(desktop);
    await until("the terminal takes what is typed", async () => {
      await desktop.keyboard.type(`id -u > ${noteOf(name)}; id -G >> ${noteOf(name)}\n`);
      return says(name, "20001\n20001 30001\n")();
    }, { limitMs: 30_000, everyMs: 3_000 });
    assert.equal((await stat(noteOf(name))).uid, 20001);
    desktops.push(desktop);
  }
  const [[desktop], [name]] = [desktops, names];
  await desktop.bringToFront();
  await picture(desktop, "desktop");

  await takeToDesktop(desktop, `echo 가나다 > ${noteOf(name)}`);
  await until("the terminal has what was pasted", async () => {
    await desktop.keyboard.press("Control+Shift+V");
    await desktop.keyboard.press("Enter");
    return says(name, "가나다\n")();
  }, { limitMs: 30_000, everyMs: 3_000 });
  // On the desktop's own keyboard this is 한글.
  await until("the terminal has what was typed in Korean", async () => {
    await desktop.keyboard.type("echo ");
    await desktop.keyboard.press("Shift+Space");
    await desktop.keyboard.type("gksrmf");
    await desktop.keyboard.press("Shift+Space");
    await desktop.keyboard.type(` > ${noteOf(name)}\n`);
    return says(name, "한글\n")();
  }, { limitMs: 30_000, everyMs: 3_000 });

  // The desktop follows the window, and is there again after a reload.
  await desktop.setViewportSize({ width: 1100, height: 700 });
  await desktopOf(desktop);
  await desktop.reload();
  await desktopOf(desktop);
  await deleteApps(page);
});

test("kim's terminal is her, and the same after the network broke", { timeout: 400_000 }, async (context) => {
  const { profile, page } = await dashboard(context);
  const name = freshName("shell");
  await launchSmall(page, name, "terminal");
  await waitForFirstLaunch(cardOf(page, name));
  const sockets = [];
  await profile.routeWebSocket(/\/socket$/, (socket) => void sockets.push([socket, socket.connectToServer()]));
  const terminal = await terminalOf(await openApp(profile, cardOf(page, name)));
  await say(terminal, "there=here; id -un; id -G; pwd");
  await shows(terminal, `kim\n20001 30001\n${HOME}\n`);
  for (const end of sockets[0]) await end.close();
  await until("it is connected again", () => sockets.length === 2);
  await say(terminal, "echo still $there");
  await shows(terminal, "still here\n");
  await deleteApps(page);
});

test("an image of kim's own runs under the cluster's policies as she does, and none that the site does not allow", { timeout: 400_000 }, async (context) => {
  const { profile, page } = await dashboard(context);
  const name = freshName("own");
  await launchSmall(page, name, "image", { values: { image: testbed.IMAGE_FORGED, port: "8080" } });
  await waitForFirstLaunch(cardOf(page, name));
  const own = await openApp(profile, cardOf(page, name));
  await own.waitForFunction(() => document.body.innerText.includes("identity"));
  const { identity } = JSON.parse(await own.evaluate(() => document.body.innerText));
  assert.deepEqual([identity.uid, identity.groups, identity.capabilities], [20001, [20001, 30001], "0".repeat(16)]);
  // The policy holds whoever makes a pod there, the portal's form aside.
  const pod = podOfKim(HERS, freshName("other"), { image: "docker.io/library/python:3.12" });
  await assert.rejects(apply(pod), /denied request: images must be of 127\.0\.0\.1/);
  await deleteApps(page);
});

test("a namespace that somebody deletes takes no file along, and comes back with the portal's right there", { timeout: 400_000 }, async (context) => {
  const { page } = await dashboard(context);
  const [first, second] = [freshName("first"), freshName("second")];
  await launchSmall(page, first);
  await waitForFirstLaunch(cardOf(page, first));
  const volume = () => get(HERS, "persistentvolume", `${HERS}-home`);
  const before = await volume();
  assert.equal(before.status.phase, "Bound");
  await writeFile(`${HOME}/kept.txt`, "kept");

  // The next launch does not wait until the namespace is gone.
  await kubectl("delete", "namespace", HERS, "--wait=false");
  await launchSmall(page, second);
  await waitForPhase(cardOf(page, first), "failed");
  await cardOf(page, first).getByText("Nothing of the app is there any more").waitFor();
  await waitForPhase(cardOf(page, second), "ready");
  const after = await volume();
  assert.equal(after.metadata.uid, before.metadata.uid);
  assert.equal(after.status.phase, "Bound");
  assert.notEqual(after.spec.claimRef.uid, before.spec.claimRef.uid);
  assert.equal(await readFile(`${HOME}/kept.txt`, "utf8"), "kept");
  await rm(`${HOME}/kept.txt`);

  // Once more while nothing is launched: what is asked of the apps then is done all the same.
  await kubectl("delete", "namespace", HERS);
  await waitForPhase(cardOf(page, second), "failed");
  await deleteApps(page);
  const third = freshName("third");
  await launchSmall(page, third);
  await waitForPhase(cardOf(page, third), "ready");
  await deleteApps(page);
});

test("what kim saves in JupyterLab is read by her job on Slurm, whose output opens in the notebook", { timeout: 400_000 }, async (context) => {
  const { profile, page } = await dashboard(context);
  const name = freshName("sum");
  const output = `${HOME}/${name}.out`;
  context.after(() => Promise.all([output, `${HOME}/${name}.txt`].map((path) => rm(path, { force: true }))));
  const lab = await openApp(profile, await (async () => {
    await launchSmall(page, name);
    await waitForFirstLaunch(cardOf(page, name));
    return cardOf(page, name);
  })());
  await waitForLauncher(lab);
  await newNotebook(lab);
  const typed = await runCode(lab, `print(open("${name}.txt", "w").write("하나\\n둘\\n셋\\n"), __import__("os").getuid())`);
  assert.equal(typed.trim(), "7 20001");

  await page.goto(`${PORTAL.origin}/jobs/new`);
  const form = page.getByRole("form", { name: "New job" });
  await form.getByRole("textbox", { name: "Job name" }).fill(name);
  await form.getByRole("textbox", { name: "Walltime" }).fill("00:05:00");
  await form.getByRole("textbox", { name: "Output file" }).fill("%x.out");
  await form.getByRole("textbox", { name: "Your part" }).fill(`cat ${name}.txt; wc -l < ${name}.txt; id -u; id -G`);
  await form.getByRole("button", { name: "Submit job" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await page.getByRole("main").getByText("done", { exact: true }).waitFor({ timeout: 90_000 });
  const shown = page.getByRole("region", { name: "Output" });
  await until("its output", async () => (await shown.innerText()).includes("20001 30001"), { limitMs: 30_000 });
  assert.equal(await readFile(output, "utf8"), "하나\n둘\n셋\n3\n20001\n20001 30001\n");
  assert.equal((await stat(output)).uid, 20001);

  await lab.bringToFront();
  assert.equal((await runCode(lab, `print(open("${name}.out").read().split()[:4])`)).trim(), "['하나', '둘', '셋', '3']");
  await page.bringToFront();
  await page.goto(PORTAL.origin);
  await deleteApps(page);
});

test("the portal's process has no privilege, and sees nobody's home", async () => {
  const status = await execute(OWN, "deploy/myksc", "cat", "/proc/1/status");
  assert.match(status, /^Uid:\t64321\t64321\t64321\t64321$/m);
  for (const set of ["Inh", "Prm", "Eff", "Bnd", "Amb"]) assert.match(status, new RegExp(`^Cap${set}:\t0{16}$`, "m"));
  assert.match(status, /^NoNewPrivs:\t1$/m);
  await assert.rejects(execute(OWN, "deploy/myksc", "ls", HOME), /No such file or directory/);
  // Where it runs with the machine's own folders in sight, the kernel keeps it out.
  await assert.rejects(run("setpriv", ["--reuid=64321", "--regid=64321", "--clear-groups", "ls", HOME]), /Permission denied/);
});

test("the portal's account may do what the chart says, and nothing beyond", async () => {
  const anywhere = [
    ["get", "", "secrets"], ["list", "", "secrets"], ["watch", "", "secrets"], ["create", "", "secrets"],
    ["get", "", "pods"], ["list", "", "pods"], ["create", "", "pods"], ["delete", "", "pods"],
    ["create", "", "pods", "exec"], ["create", "", "pods", "attach"], ["create", "", "pods", "portforward"],
    ["get", "", "nodes", "proxy"], ["create", "", "serviceaccounts", "token"], ["delete", "", "namespaces"],
    ["create", "apps", "deployments"], ["delete", "apps", "deployments"], ["create", "batch", "jobs"],
    ["get", "", "configmaps"], ["impersonate", "", "users"], ["impersonate", "", "serviceaccounts"],
    ["create", "rbac.authorization.k8s.io", "clusterrolebindings"], ["escalate", "rbac.authorization.k8s.io", "clusterroles"],
    ["patch", "admissionregistration.k8s.io", "validatingadmissionpolicies"],
    ["create", "admissionregistration.k8s.io", "mutatingwebhookconfigurations"],
  ];
  for (const namespace of ["kube-system", "default", OWN]) assert.deepEqual(await allowed(namespace, anywhere), []);
  const inHers = [
    ["get", "", "secrets"], ["list", "", "secrets"], ["watch", "", "secrets"], ["create", "", "pods"], ["delete", "", "pods"],
    ["create", "", "pods", "exec"], ["create", "", "pods", "attach"], ["create", "", "pods", "portforward"],
    ["patch", "", "pods", "ephemeralcontainers"], ["create", "", "serviceaccounts", "token"],
    ["create", "rbac.authorization.k8s.io", "roles"], ["get", "", "configmaps"], ["delete", "", "persistentvolumeclaims"],
  ];
  assert.deepEqual(await allowed(HERS, inHers), []);
  // That the question is asked rightly.
  assert.deepEqual(await allowed(HERS, [["get", "", "pods"], ["get", "", "pods", "log"]]), ["get pods", "get pods/log"]);
});

/** kim's, in a browser of the test's own. */
async function dashboard(context) {
  const browser = await startBrowser(context, { trusted: readFileSync(testbed.PORTAL_CERTIFICATE) });
  const profile = await newProfile(browser);
  const page = await profile.newPage();
  await enterPassword(page, PORTAL, "kim", testbed.PASSWORD_KIM);
  await page.waitForURL(`${PORTAL.origin}/`);
  return { profile, page };
}

async function deleteApps(page) {
  for (const { id } of (await callApi(page, "GET", "/apps")).body.items) {
    assert.equal((await callApi(page, "DELETE", `/apps/${id}`)).status, 202);
  }
  await until("nothing is left of them", async () => (await callApi(page, "GET", "/apps")).body.items.length === 0);
}

/** Those of the rights that the API server grants the portal's account in that namespace. */
async function allowed(namespace, rights) {
  const reviews = rights.map(([verb, group, resource, subresource]) => ({
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: {
      user: ACCOUNT,
      groups: ["system:serviceaccounts", `system:serviceaccounts:${OWN}`, "system:authenticated"],
      resourceAttributes: { namespace, verb, group, resource, subresource },
    },
  }));
  const input = reviews.map((review) => JSON.stringify(review)).join("\n---\n");
  const answers = await kubectl("create", "-f", "-", "-o", "jsonpath={.status.allowed}{'\\n'}", { input });
  const granted = answers.trim().split("\n");
  assert.equal(granted.length, rights.length);
  return rights.filter((_, at) => granted[at] === "true").map(([verb, , ...resource]) => `${verb} ${resource.join("/")}`);
}

/** What a stranger gets who claims to be somebody. */
async function statusOf(url) {
  const forged = ["-H", "X-Forwarded-User: kim", "-H", "X-Myksc-User: kim", "-H", "X-Forwarded-For: 127.0.0.1"];
  const { hostname, port } = new URL(url);
  const args = ["-s", "--cacert", testbed.INGRESS_CA, "--resolve", `${hostname}:${port}:127.0.0.1`, "-o", "/dev/null", "-w", "%{http_code}"];
  return Number(await run("curl", [...args, ...forged, url]));
}
