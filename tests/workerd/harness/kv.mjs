/**
 * A stand-in for Workers KV: it keeps its values in memory, notes every
 * operation, and fails as a test tells it to.
 */
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { atExit } from "./cleanup.mjs";
import { answer, parse } from "./kv-protocol.mjs";

const WAIT_MS = 5_000;

/**
 * @typedef {object} Operation
 * @property {"get" | "put" | "delete" | "list" | "bulk"} kind
 * @property {string} namespace
 * @property {string} key empty for `list` and `bulk`
 * @property {string[]} [keys] those of a `bulk`
 * @property {number} in when it arrived, `performance.now()`
 * @property {number | null} out when it was answered, null while it was not
 * @property {number | null} status
 */

/**
 * @typedef {object} Fault what happens to the operations it matches; without a
 *   status, garbage, hang or reset they are answered as they should be
 * @property {string} [namespace]
 * @property {string | RegExp} [key]
 * @property {Operation["kind"]} [kind]
 * @property {number} [times] how often it strikes; always without one
 * @property {number} [delayMs] slow
 * @property {number} [status] fails with it
 * @property {string | Uint8Array} [garbage] answers it with 200
 * @property {boolean} [hang] never answers
 * @property {boolean} [reset] breaks the connection
 */

/** @returns {Promise<Kv>} a stand-in that listens on loopback */
export async function startKv() {
  const kv = new Kv();
  await kv.listen();
  return kv;
}

/** A listening KV stand-in with any number of namespaces. */
export class Kv {
  /** @type {Operation[]} every operation, oldest first */
  operations = [];
  /** @type {Fault[]} */
  #faults = [];
  /** @type {Map<string, Map<string, import("./kv-protocol.mjs").Entry>>} */
  #namespaces = new Map();
  #server = http.createServer((incoming, outgoing) => this.#serve(incoming, outgoing));
  #forget;

  async listen() {
    // A pooled connection that closes while workerd uses it would look like a fault.
    this.#server.keepAliveTimeout = 0;
    this.#server.on("connection", (socket) => socket.unref());
    await new Promise((resolve, reject) => {
      this.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    this.#server.unref();
    this.#forget = atExit(() => this.#server.close());
    this.address = `127.0.0.1:${this.#server.address().port}`;
  }

  /** The value as text, undefined where there is none. */
  value(namespace, key) {
    return this.#namespace(namespace).get(key)?.value.toString("utf8");
  }

  /** Writes a value behind the worker's back. */
  set(namespace, key, value) {
    const bytes = typeof value === "string" || value instanceof Uint8Array ? value : JSON.stringify(value);
    this.#namespace(namespace).set(key, { value: Buffer.from(bytes) });
  }

  /** Removes a value behind the worker's back. */
  remove(namespace, key) {
    this.#namespace(namespace).delete(key);
  }

  /** Everything that is stored: `{namespace: {key: text}}`. */
  dump() {
    const texts = (entries) => [...entries].map(([key, { value }]) => [key, value.toString("utf8")]);
    return Object.fromEntries(
      [...this.#namespaces].map(([name, entries]) => [name, Object.fromEntries(texts(entries))]),
    );
  }

  /** The reads (`get` and `bulk`) so far. */
  get reads() {
    return this.operations.filter(({ kind }) => kind === "get" || kind === "bulk");
  }

  /** The writes (`put` and `delete`) so far. */
  get writes() {
    return this.operations.filter(({ kind }) => kind === "put" || kind === "delete");
  }

  /** Forgets what was noted, not what is stored. */
  forget() {
    this.operations = [];
  }

  /**
   * Adds a fault; the newest that matches strikes.
   * @param {Fault} fault
   * @returns {() => void} takes it back
   */
  fail(fault) {
    const own = { times: Infinity, ...fault };
    this.#faults.unshift(own);
    return () => {
      this.#faults = this.#faults.filter((one) => one !== own);
    };
  }

  /** Takes all faults back. */
  heal() {
    this.#faults = [];
  }

  /**
   * Waits until a stored value satisfies `accept`.
   * @param {string} namespace
   * @param {string} key
   * @param {(text: string) => boolean} [accept]
   * @param {number} [timeoutMs]
   * @returns {Promise<string>} the value
   */
  async until(namespace, key, accept = () => true, timeoutMs = WAIT_MS) {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const text = this.value(namespace, key);
      if (text !== undefined && accept(text)) return text;
      if (performance.now() > end) {
        throw new Error(`${key} in ${namespace} is not as awaited after ${timeoutMs} ms: ${text}`);
      }
      await sleep(5);
    }
  }

  /** Stops listening and ends what is open. */
  async stop() {
    this.#forget();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #namespace(name) {
    if (!this.#namespaces.has(name)) this.#namespaces.set(name, new Map());
    return this.#namespaces.get(name);
  }

  async #serve(incoming, outgoing) {
    const arrived = performance.now();
    const chunks = [];
    for await (const bytes of incoming) chunks.push(bytes);
    const query = parse(incoming, Buffer.concat(chunks));
    const operation = { ...query.operation, in: arrived, out: null, status: null };
    this.operations.push(operation);
    outgoing.once("finish", () => {
      operation.out = performance.now();
      operation.status = outgoing.statusCode;
    });
    const fault = this.#strike(operation);
    if (fault.delayMs) await sleep(fault.delayMs, undefined, { ref: false });
    if (fault.hang) return;
    if (fault.reset) incoming.socket.resetAndDestroy();
    else if (fault.status) outgoing.writeHead(fault.status).end("the KV stand-in was told to fail");
    else if (fault.garbage !== undefined) outgoing.writeHead(200).end(fault.garbage);
    else answer(this.#namespace(operation.namespace), query, outgoing);
  }

  #strike({ namespace, key, kind }) {
    const matches = (fault) =>
      fault.times > 0 &&
      (fault.namespace === undefined || fault.namespace === namespace) &&
      (fault.kind === undefined || fault.kind === kind) &&
      (fault.key === undefined || (fault.key instanceof RegExp ? fault.key.test(key) : fault.key === key));
    const fault = this.#faults.find(matches);
    if (fault === undefined) return {};
    fault.times -= 1;
    return fault;
  }
}
