/**
 * Starts the built worker on real workerd, with real sockets, and gives tests a
 * hold on it: its answers, its log, its memory, its end.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { removeAtExit } from "./cleanup.mjs";
import { workerdConfig } from "./config.mjs";
import { request } from "./http.mjs";
import { startKv } from "./kv.mjs";
import { Logs } from "./logs.mjs";
import { runWorkerd } from "./process.mjs";
import { readSettings } from "./settings.mjs";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** What a worker needs beside `wrangler.toml`; none of it is a real secret. */
export const TEST_VARS = {
  ADMIN_TOKEN: "admin-token-of-the-workerd-tests-0123456789",
  SEALING_KEY: Buffer.alloc(32, 7).toString("base64"),
  ALLOW_INSECURE_CORE: "true",
};

/**
 * @typedef {object} WorkerOptions
 * @property {Record<string, string | null>} [vars] over those of `wrangler.toml` and `TEST_VARS`; null leaves one out
 * @property {import("./kv.mjs").Kv | null} [kv] a stand-in to use; without one the worker has its own; null binds none
 * @property {string[]} [without] names of KV or Durable Object bindings to leave out
 * @property {number} [port] 0, the default, takes a free one
 * @property {string} [durableStorage] folder for Durable Objects that outlives the worker; without one it is temporary
 * @property {string} [build] folder of `index.js` and its wasm
 * @property {string} [config] path of the `wrangler.toml`
 * @property {Record<string, string>} [env] added to the environment of the process
 * @property {string[]} [flags] further arguments of `workerd serve`
 * @property {string[]} [services] further services, as Cap'n Proto text
 * @property {string[]} [bindings] further bindings, as Cap'n Proto text
 * @property {string[]} [extensions] workerd extensions, as Cap'n Proto text
 */

/**
 * @param {WorkerOptions} [options]
 * @returns {Promise<Worker>} a worker that listens
 * @throws with workerd's own message when it does not start
 */
export async function startWorker(options = {}) {
  const ownKv = options.kv === undefined;
  const kv = ownKv ? await startKv() : options.kv;
  const worker = new Worker({ ...options, kv }, ownKv);
  try {
    await worker.start();
  } catch (error) {
    await worker.stop();
    throw error;
  }
  return worker;
}

/** A worker on workerd. Its address and storage stay the same across restarts. */
export class Worker {
  #options;
  #ownKv;
  #folder = mkdtempSync(join(tmpdir(), "blnk-edge-workerd-"));
  #removeFolder = removeAtExit(this.#folder);
  #logs = new Logs();
  /** @type {import("./process.mjs").Process | undefined} */
  #process;
  #port;

  constructor(options, ownKv) {
    this.#options = options;
    this.#ownKv = ownKv;
    this.#port = options.port ?? 0;
    /** The KV stand-in, null where none is bound. */
    this.kv = options.kv;
    /** The folder of the Durable Objects' SQLite files. */
    this.storage = options.durableStorage ?? join(this.#folder, "storage");
    /** @type {Record<string, string>} The text variables as the worker sees them. */
    this.vars = {};
  }

  /** `http://127.0.0.1:{port}` */
  get origin() {
    return `http://127.0.0.1:${this.#port}`;
  }

  get port() {
    return this.#port;
  }

  get pid() {
    return this.#process?.pid;
  }

  /** Every line that workerd printed since the first start, oldest first. */
  get logs() {
    return this.#logs.lines;
  }

  /** Every log line that is a JSON object, parsed. */
  logLines() {
    return this.#logs.json();
  }

  /**
   * Waits for the log line of one request.
   * @param {string} requestId the value of its `request_id`
   * @param {number} [timeoutMs]
   * @returns {Promise<Record<string, any>>}
   */
  logLine(requestId, timeoutMs) {
    const find = (logs) => logs.json().find((line) => line.request_id === requestId);
    return this.#logs.until(find, `log line of request ${requestId}`, timeoutMs);
  }

  /**
   * Waits until `find` gives something for the lines printed so far.
   * @template T
   * @param {(lines: string[]) => T | undefined | false} find
   * @param {string} [what] named in the error
   * @param {number} [timeoutMs]
   * @returns {Promise<T>}
   */
  logsUntil(find, what = "such output", timeoutMs) {
    return this.#logs.until((logs) => find(logs.lines), what, timeoutMs);
  }

  /**
   * Sends one request on a connection of its own; the path goes out as given.
   * @param {string} path
   * @param {import("./http.mjs").RequestOptions} [init]
   * @returns {Promise<import("./http.mjs").Answer>}
   */
  fetch(path, init) {
    return request(this.origin, path, init);
  }

  /** Resident memory now, in bytes (Linux). */
  rss() {
    return this.#process.memory("VmRSS");
  }

  /** The most resident memory since the last start, in bytes (Linux). */
  peakRss() {
    return this.#process.memory("VmHWM");
  }

  /** Starts the process and waits until it listens. */
  async start() {
    mkdirSync(this.storage, { recursive: true });
    const { flags = [], env = {} } = this.#options;
    this.#process = await runWorkerd({ config: this.#writeConfig(), flags, env, logs: this.#logs });
    this.#port = this.#process.port;
  }

  /** Kills the process as a crash would (SIGKILL); storage stays for a restart. */
  kill() {
    return this.#process.kill();
  }

  /**
   * Starts again on the same port and storage, ending the process first if it runs.
   * @param {Pick<WorkerOptions, "vars" | "without" | "build">} [changes] over the options it was started with
   */
  async restart(changes = {}) {
    await this.#process.end();
    const vars = { ...this.#options.vars, ...changes.vars };
    this.#options = { ...this.#options, ...changes, vars };
    await this.start();
  }

  /** Ends the process and removes what it left, a given `durableStorage` excepted. */
  async stop() {
    await this.#process?.end();
    if (this.#ownKv) await this.kv.stop();
    this.#removeFolder();
  }

  #writeConfig() {
    const options = this.#options;
    const settings = readSettings(options.config ?? join(ROOT, "wrangler.toml"));
    const bound = (name) => !options.without?.includes(name);
    this.vars = present({ ...settings.vars, ...TEST_VARS, ...options.vars });
    const text = workerdConfig({
      settings: {
        ...settings,
        kvNamespaces: settings.kvNamespaces.filter(bound),
        durableObjects: settings.durableObjects.filter(({ name }) => bound(name)),
      },
      modules: copyModules(options.build ?? join(ROOT, "build"), this.#folder),
      vars: this.vars,
      address: `127.0.0.1:${this.#port}`,
      kvAddress: this.kv?.address ?? null,
      storage: this.storage,
      services: options.services,
      bindings: options.bindings,
      extensions: options.extensions,
    });
    const file = join(this.#folder, "config.capnp");
    writeFileSync(file, text);
    return file;
  }
}

/** Copies the modules beside the configuration: a later build changes no running test. */
function copyModules(build, folder) {
  const names = ["index.js", "index_bg.wasm"];
  const there = readdirSync(build);
  if (!there.includes("index.js")) throw new Error(`${build} has no index.js: build the worker first`);
  const modules = names.filter((name) => there.includes(name));
  for (const name of modules) copyFileSync(join(build, name), join(folder, name));
  return modules.map((name) => ({ name, file: name }));
}

function present(vars) {
  return Object.fromEntries(Object.entries(vars).filter(([, value]) => value != null));
}
