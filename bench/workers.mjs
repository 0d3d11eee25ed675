// The workers that are compared, each in a workerd process of its own with the deployed worker's settings.
import { build } from "esbuild";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { workerdConfig } from "../tests/workerd/harness/config.mjs";
import { runWorkerd } from "../tests/workerd/harness/process.mjs";
import { readSettings } from "../tests/workerd/harness/settings.mjs";
import { root } from "../dev/project.mjs";
import { Failure } from "../dev/run.mjs";
import { Output } from "./output.mjs";
import { VARS } from "./records.mjs";

const WASM = "index_bg.wasm";

/** The peers' names, the floor first. */
export const [BARE, HANDWRITTEN, HONO] = ["bare.js", "handwritten.js", "hono.ts"];
/** The name of the worker that is built from this project. */
export const OWN = "blnk-edge";

/**
 * A worker that can be started as often as needed.
 * @typedef {{ name: string, modules: { name: string, file: string }[], folder: string, isOurs: boolean }} Prepared
 */

/**
 * Bundles the peers and copies the builds, so that a later build changes no run.
 * @param {string} folder
 * @param {Record<string, string>} builds folders of builds of this project's worker, by the names to show them under
 * @returns {Promise<Prepared[]>}
 */
export async function prepareWorkers(folder, builds) {
  const peers = await Promise.all([BARE, HANDWRITTEN, HONO].map((name) => preparePeer(join(folder, name), name)));
  const ours = Object.entries(builds).map(([name, from]) => prepareBuild(join(folder, name), name, from));
  return [...peers, ...ours];
}

async function preparePeer(folder, name) {
  mkdirSync(folder, { recursive: true });
  await build({
    entryPoints: [join(root, "bench/peers", name)],
    outfile: join(folder, "index.js"),
    bundle: true,
    format: "esm",
    target: "esnext",
    minify: true,
    logLevel: "error",
  });
  return { name, folder, modules: modules("index.js"), isOurs: false };
}

function prepareBuild(folder, name, from) {
  const names = ["index.js", WASM];
  if (!names.every((file) => existsSync(join(from, file))))
    throw new Failure(`${from} holds no build of the worker: run \`npm run build\`.`);
  mkdirSync(folder, { recursive: true });
  for (const file of names) copyFileSync(join(from, file), join(folder, file));
  return { name, folder, modules: modules(...names), isOurs: true };
}

function modules(...names) {
  return names.map((name) => ({ name, file: name }));
}

/**
 * Starts a worker.
 * @param {Prepared} worker
 * @param {object} surroundings
 * @param {string} surroundings.kvAddress `host:port` of the KV stand-in
 * @param {string} surroundings.coreUrl where the floor forwards to; the others take it from a record
 * @param {string[]} [surroundings.flags] further arguments of workerd
 */
export async function startWorker(worker, { kvAddress, coreUrl, flags = [] }) {
  const storage = join(worker.folder, "storage");
  mkdirSync(storage, { recursive: true });
  const settings = readSettings(join(root, "wrangler.toml"));
  const config = join(worker.folder, "config.capnp");
  const text = workerdConfig({
    // The peers have no registry; it is not on the path that is measured.
    settings: worker.isOurs ? settings : { ...settings, durableObjects: [] },
    modules: worker.modules,
    vars: { ...settings.vars, ...VARS, CORE_URL: coreUrl },
    address: "127.0.0.1:0",
    kvAddress,
    storage,
  });
  writeFileSync(config, text);
  const output = new Output();
  const process = await runWorkerd({ config, flags, env: {}, logs: output });
  return {
    name: worker.name,
    isOurs: worker.isOurs,
    origin: `http://127.0.0.1:${process.port}`,
    pid: process.pid,
    output,
    process,
  };
}
