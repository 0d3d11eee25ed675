/**
 * A scripted upstream on a raw TCP socket: it keeps every request as it came
 * over the wire and answers what the test says, broken answers included.
 */
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { atExit } from "./cleanup.mjs";
import { reply } from "./replies.mjs";
import { MessageReader } from "./wire.mjs";

const WAIT_MS = 5_000;

/**
 * @typedef {object} Received
 * @property {string} line the request line as it arrived
 * @property {string} method
 * @property {string} target path and query as they arrived
 * @property {string[]} headerLines as they arrived
 * @property {[string, string][]} rawHeaders
 * @property {Headers} headers
 * @property {import("./wire.mjs").Body | null} body null until it was read to its end
 * @property {boolean} cut true when the connection ended before the body was read
 * @property {number} connection which connection of this upstream it came on, from 1
 * @property {number} at when its head was there, `performance.now()`
 */

/**
 * @typedef {object} Exchange what a reply works with
 * @property {Received} request
 * @property {() => Promise<import("./wire.mjs").Body>} body reads the request's body; may be called again
 * @property {(bytes: Uint8Array | string) => Promise<void>} write
 * @property {() => void} close ends the connection in order
 * @property {() => void} reset ends it with a TCP reset
 * @property {Promise<void>} closed settled when the connection is gone
 * @property {net.Socket} socket
 */

/**
 * @param {import("./replies.mjs").Reply} [answer] what to do with each request; 200 with `{}` without one
 * @param {object} [options]
 * @param {number} [options.port] 0, the default, takes a free one
 * @returns {Promise<Upstream>}
 */
export async function startUpstream(answer, options = {}) {
  const upstream = new Upstream(answer ?? reply({ body: {} }));
  await upstream.listen(options.port ?? 0);
  return upstream;
}

/** A port of loopback on which nothing listens. */
export async function closedPort() {
  const upstream = await startUpstream();
  const { port } = upstream;
  await upstream.stop();
  return port;
}

/** A listening upstream. */
export class Upstream {
  /** @type {Received[]} every request whose head arrived, oldest first */
  requests = [];
  /**
   * Takes a connection over before anything is read from it, for what is no HTTP at all.
   * @type {((socket: net.Socket) => void) | null}
   */
  onConnection = null;
  /** How many connections were ever accepted. */
  connections = 0;
  /** @type {import("./replies.mjs").Reply} */
  #answer;
  /** @type {import("./replies.mjs").Reply[]} */
  #queue = [];
  #sockets = new Set();
  #server = net.createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
  #forget;

  constructor(answer) {
    this.#answer = answer;
  }

  async listen(port) {
    await new Promise((resolve, reject) => {
      this.#server.once("error", reject).listen(port, "127.0.0.1", resolve);
    });
    this.#server.unref();
    this.#forget = atExit(() => this.#server.close());
    this.port = this.#server.address().port;
    this.origin = `http://127.0.0.1:${this.port}`;
  }

  /** What every request gets from now on. */
  answer(next) {
    this.#answer = next;
    this.#queue = [];
  }

  /** What the next requests get, one each, before the standing answer. */
  answerNext(...replies) {
    this.#queue.push(...replies);
  }

  /** Forgets the requests so far; connections stay open and counted. */
  clear() {
    this.requests.length = 0;
  }

  /**
   * Waits until `count` requests have arrived, each read to its end or cut off.
   * @param {number} [count]
   * @param {number} [timeoutMs]
   * @returns {Promise<Received[]>}
   */
  async received(count = 1, timeoutMs = WAIT_MS) {
    const end = performance.now() + timeoutMs;
    while (this.requests.filter(({ body, cut }) => body !== null || cut).length < count) {
      if (performance.now() > end) {
        throw new Error(`${this.requests.length} of ${count} requests arrived within ${timeoutMs} ms`);
      }
      await sleep(5);
    }
    return this.requests.slice(0, count);
  }

  /** Stops listening and ends what is open. */
  async stop() {
    this.#forget();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(socket) {
    this.connections += 1;
    const connection = this.connections;
    this.#sockets.add(socket);
    // An idle connection that workerd keeps must not keep the test process.
    socket.unref();
    socket.on("error", () => {});
    socket.setNoDelay(true);
    const closed = new Promise((resolve) => socket.once("close", () => resolve()));
    closed.then(() => this.#sockets.delete(socket));
    if (this.onConnection !== null) return void this.onConnection(socket);
    const reader = new MessageReader(socket);
    for (;;) {
      const head = await reader.head();
      if (head === null) break;
      const request = received(head, connection);
      this.requests.push(request);
      closed.then(() => (request.cut = request.body === null || !request.body.complete));
      let reading;
      const body = () => {
        reading ??= reader.body(head, "none").then((read) => (request.body = read));
        return reading;
      };
      const exchange = {
        request,
        body,
        socket,
        closed,
        write: (bytes) => write(socket, bytes),
        close: () => socket.end(() => socket.destroy()),
        reset: () => socket.resetAndDestroy(),
      };
      const answer = this.#queue.shift() ?? this.#answer;
      try {
        await answer(exchange);
      } catch (error) {
        // A mistake in the script must not look like an upstream fault.
        console.error(`the upstream's script failed: ${error.stack}`);
        process.exitCode = 1;
        socket.resetAndDestroy();
      }
      if (socket.destroyed || socket.writableEnded) break;
      await body();
    }
    if (!socket.destroyed && !socket.writableEnded) socket.end();
  }
}

function received(head, connection) {
  const [method, target] = head.first.split(" ");
  return {
    line: head.first,
    method,
    target,
    headerLines: head.lines,
    rawHeaders: head.rawHeaders,
    headers: head.headers,
    body: null,
    cut: false,
    connection,
    at: performance.now(),
  };
}

/** Settles when the bytes were handed over, or the connection is gone. */
function write(socket, bytes) {
  return new Promise((resolve) => {
    if (socket.destroyed || bytes.length === 0) resolve();
    else socket.write(bytes, () => resolve());
  });
}
