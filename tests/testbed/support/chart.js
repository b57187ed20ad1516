// The chart of the portal in the testbed's cluster.

import { kubectl } from "./cluster.js";
import { root, testbed } from "./exports.js";
import { freshName, run } from "./programs.js";

const CHART = `${root}/deploy/chart/myksc`;

/** Installs the chart as a release of its own, whose people's namespaces begin with its name. */
export async function installChart(values) {
  const name = freshName("chart");
  const prefix = `${name}-`;
  const { people, ...rest } = values;
  const all = { people: { namespacePrefix: prefix, ...people }, ...rest };
  // Nothing is left of an installation that failed.
  const install = ["install", name, CHART, "--atomic", "--namespace", name, "--create-namespace", "--values", "-"];
  await helm(...install, { input: JSON.stringify(all) });
  const account = `system:serviceaccount:${name}:${name}-control`;
  const remove = async () => {
    await helm("uninstall", name, "--namespace", name);
    await kubectl("delete", "namespace", name, "--wait=false");
  };
  return { name, prefix, account, role: `${name}-namespace`, remove };
}

/** The chart's manifests with these values, as a release `myksc`. */
export function renderChart(values) {
  return helm("template", "myksc", CHART, "--kube-version", "1.34", "--values", "-", { input: JSON.stringify(values) });
}

/** Applies objects as the portal does: by server-side apply, as its account. */
export function applyAs(account, ...items) {
  const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  const how = ["--server-side", "--force-conflicts", "--field-manager=myksc", "--validate=false", "-f", "-"];
  return kubectl("apply", `--as=${account}`, ...how, { input });
}

function helm(...args) {
  const options = typeof args.at(-1) === "object" ? args.pop() : {};
  return run(testbed.HELM, ["--kubeconfig", testbed.KUBECONFIG, ...args], { limitMs: 180_000, ...options });
}
