/** A worker, a Core that the test scripts, and a credential: what every test of a bad day begins with. */
import { randomUUID } from "node:crypto";

import { CORE_KEY, admin } from "../harness/admin.mjs";
import { startUpstream } from "../harness/upstream.mjs";
import { startWorker } from "../harness/workerd.mjs";

/** The requests that every fault meets, by name. */
export const KINDS = {
  read: { method: "GET", path: "/ledgers?limit=1", route: "/ledgers", writes: false },
  create: {
    method: "POST",
    path: "/transactions",
    route: "/transactions",
    writes: true,
    body: () => ({ amount: 12.5, currency: "USD", source: "bln_a", destination: "bln_b" }),
  },
  bulk: {
    method: "POST",
    path: "/transactions/bulk",
    route: "/transactions/bulk",
    writes: true,
    body: () => ({ transactions: [{ amount: 1, reference: "given" }, { amount: 2 }] }),
  },
  upload: {
    method: "POST",
    path: "/reconciliation/upload",
    route: "/reconciliation/upload",
    writes: true,
    headers: { "content-type": "multipart/form-data; boundary=b" },
    body: () =>
      Buffer.from(`--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n${"x".repeat(100_000)}\r\n--b--\r\n`),
  },
};

/**
 * Opens a stage.
 * @param {object} [options]
 * @param {import("../harness/workerd.mjs").WorkerOptions} [options.worker]
 * @param {Record<string, unknown>} [options.instance] fields of the instance, over deadlines of one second
 * @param {Record<string, unknown>} [options.key] fields of the API key
 * @returns {Promise<Stage>}
 */
export async function openStage(options = {}) {
  const [worker, core] = await Promise.all([startWorker(options.worker), startUpstream()]);
  const stage = new Stage(worker, core);
  try {
    stage.instance = await stage.addInstance({ base_url: core.origin, ...options.instance });
    stage.key = await stage.adminApi.apiKey(options.key);
  } catch (error) {
    await stage.close();
    throw error;
  }
  return stage;
}

/** What `openStage` gives. */
export class Stage {
  constructor(worker, core) {
    this.worker = worker;
    this.core = core;
    this.adminApi = admin(worker);
    this.coreKey = CORE_KEY;
  }

  /** Another instance. */
  addInstance(fields) {
    return this.adminApi.instance({ timeout_ms: 1_000, upload_timeout_ms: 1_000, ...fields });
  }

  /**
   * Sends a request of a kind, with a request id of its own.
   * @param {keyof typeof KINDS} kind
   * @param {{instance?: string, key?: string, headers?: Record<string, string>, body?: any, id?: string}
   *   & Record<string, any>} [options]
   * @returns {Promise<import("../harness/http.mjs").Answer & {id: string}>}
   */
  async send(kind, options = {}) {
    const { method, path, headers, body } = KINDS[kind];
    return this.call(path, { method, body: body?.(), ...options, headers: { ...headers, ...options.headers } });
  }

  /** Sends any request to a path of Core. */
  async call(path, { instance = this.instance.id, key = this.key.key, id = randomUUID(), headers, ...options } = {}) {
    const answer = await this.worker.fetch(this.path(path, instance), {
      ...options,
      headers: { authorization: `Bearer ${key}`, "x-request-id": id, ...headers },
    });
    return Object.assign(answer, { id });
  }

  /** The proxy's path for one of Core. */
  path(path, instance = this.instance.id) {
    return `/proxy${path}${path.includes("?") ? "&" : "?"}instance_id=${instance}`;
  }

  /** The lines that a request left. */
  lines(id) {
    return this.worker.logLines().filter((line) => line.request_id === id);
  }

  /** Ends everything. */
  async close() {
    await Promise.all([this.worker.stop(), this.core.stop()]);
  }
}
