// A stand-in for Blnk Core, for development and tests: in memory, stateful, with Core's answers and Core's rules where
// a newcomer meets them. It is no ledger to keep money in.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { CoreError, errorAnswer } from "./errors.mjs";
import { shuffle } from "./legs.mjs";
import { Locks } from "./locks.mjs";
import { commonHeaders, redirectBody, send } from "./responses.mjs";
import { decodePath, router } from "./router.mjs";
import { ROUTES } from "./routes.mjs";
import { Store } from "./store.mjs";

const MAX_BODY_BYTES = 5 * 1024 * 1024;
const MAX_UPLOAD_BYTES = 256 * 1024 * 1024;
// Core's server has none; one of our own could cut a connection that a proxy is about to use again.
const NO_TIMEOUTS = { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 };
const OPEN_PATHS = ["/", "/health"];
const find = router(ROUTES);

/**
 * Starts a stand-in.
 * @param {object} [options]
 * @param {number} [options.port] 0 for any free one
 * @param {string} [options.host]
 * @param {string} [options.key] the master key; a random one when it is left out
 * @param {string[]} [options.scopedKeys] keys that Core would know as API keys: they open everything but `/hooks`
 * @param {boolean} [options.secure] false answers without a key, like a Core with its secure mode off
 * @param {number} [options.insertDelayMs] until a queued transaction can be read
 * @param {number} [options.applyDelayMs] from there until it is applied
 * @param {number} [options.retryDelayMs] until queued work that met a lock is tried again
 * @param {number} [options.lockWaitMs] how long a booking waits for a locked balance before it fails with 423
 * @param {(row: object, index: number) => unknown} [options.beforeBooking] called before each part of a request is
 *   booked or queued, with the transaction and how many parts came before it; it may wait, or fail the part with an
 *   error of errors.mjs
 * @param {(identifiers: string[]) => string[]} [options.legOrder] the order in which legs are numbered and booked; any
 *   when left out
 * @param {boolean} [options.lateRefundFetch] true makes a race of Core's refunds happen every time: a row that was
 *   given back is met again, so that a refund that was booked answers 409
 * @returns {Promise<StandIn>}
 * @typedef {object} StandIn `beforeBooking`, `legOrder`, `lockWaitMs` and `lateRefundFetch` can be set on it at any
 *   time
 * @property {string} url
 * @property {number} port
 * @property {string} key
 * @property {Map<string, number>} requests how many came, by method and route pattern (`none` for no route)
 * @property {(balanceId: string, ms?: number) => void} lock locks a balance for a time, or until it is unlocked
 * @property {(balanceId: string) => void} unlock
 * @property {() => Promise<void>} settled resolves when nothing is queued
 * @property {() => Promise<void>} close
 */
export async function startCore({
  port = 0,
  host = "127.0.0.1",
  key = randomBytes(24).toString("hex"),
  scopedKeys = [],
  secure = true,
  insertDelayMs = 20,
  applyDelayMs = 150,
  retryDelayMs = 1000,
  lockWaitMs = 3000,
  beforeBooking,
  legOrder = shuffle,
  lateRefundFetch = false,
} = {}) {
  const core = {
    store: new Store(),
    locks: new Locks(),
    delays: { insert: insertDelayMs, apply: applyDelayMs },
    retryDelayMs,
    lockWaitMs,
    beforeBooking,
    legOrder,
    lateRefundFetch,
    key,
    scopedKeys,
    secure,
    requests: new Map(),
  };
  const server = createServer(NO_TIMEOUTS, (request, response) => {
    serve(core, request, response).catch((error) => {
      // The caller went away before its body had arrived.
      if (error.code === "ECONNRESET") return;
      // A fault of the stand-in itself: say so where the developer looks, and answer as Core's recovery does.
      console.error(error);
      response.destroyed || response.headersSent ? response.destroy() : response.writeHead(500).end();
    });
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const { port: actual } = server.address();
  return Object.defineProperties(
    {
      url: `http://${host.includes(":") ? `[${host}]` : host}:${actual}`,
      port: actual,
      key,
      requests: core.requests,
      lock: (id, ms) => core.locks.lock(id, ms),
      unlock: (id) => core.locks.unlock(id),
      settled: () => core.store.later.settled(),
      close: () => {
        core.store.later.stop();
        core.locks.unlockAll();
        server.closeAllConnections();
        return new Promise((resolve) => server.close(() => resolve()));
      },
    },
    switchesOf(core),
  );
}

/** What a test can change while the stand-in runs. */
function switchesOf(core) {
  const access = (name) => ({
    enumerable: true,
    get: () => core[name],
    set: (value) => {
      core[name] = value;
    },
  });
  return Object.fromEntries(
    ["beforeBooking", "legOrder", "lockWaitMs", "lateRefundFetch"].map((name) => [name, access(name)]),
  );
}

async function serve(core, request, response) {
  const [target, search = ""] = split(request.url, "?");
  const path = decodePath(target);
  const { bytes, tooLarge } = await readBody(request);
  if (path === undefined) {
    send(response, { status: 400, type: "text/plain; charset=utf-8", text: "400 Bad Request" });
    return;
  }
  const route = find(request.method, path);
  const redirect = route ? undefined : redirectTo(request, path, search);
  count(core, `${request.method} ${route?.pattern ?? "none"}`);
  if (redirect !== undefined) {
    send(response, { location: redirect, ...redirectBody(request.method, redirect) });
    return;
  }
  const answer = await answerTo(core, request, { route, path, search, bytes, tooLarge, signal: goneSignal(response) });
  if (response.destroyed) return;
  send(response, answer, commonHeaders(request));
}

function split(text, at) {
  const i = text.indexOf(at);
  return i === -1 ? [text] : [text.slice(0, i), text.slice(i + 1)];
}

function count({ requests }, name) {
  requests.set(name, (requests.get(name) ?? 0) + 1);
}

/** Aborted when the caller goes away before it has its answer. */
function goneSignal(response) {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  return gone.signal;
}

async function readBody(request) {
  const upload = /^multipart\/form-data/i.test(request.headers["content-type"] ?? "");
  const limit = upload ? MAX_UPLOAD_BYTES : MAX_BODY_BYTES;
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    // What is over the limit is read and dropped, so that the caller gets the answer.
    if (size <= limit) chunks.push(chunk);
  }
  return { bytes: Buffer.concat(chunks), tooLarge: size > limit };
}

async function answerTo(core, request, { route, path, search, bytes, tooLarge, signal }) {
  try {
    const isMaster = authenticate(core, request.headersDistinct["x-blnk-key"]?.[0], path);
    if (!route) return { status: 404, type: "text/plain", text: "404 page not found" };
    if (tooLarge) throw tooLargeError(route.pattern);
    const query = new URLSearchParams(search);
    return await route.handler(core, {
      params: route.params,
      query,
      headers: request.headers,
      body: bytes,
      isMaster,
      signal,
    });
  } catch (error) {
    return errorAnswer(error, route?.rules);
  }
}

function tooLargeError(pattern) {
  if (pattern === "/reconciliation/upload")
    return new CoreError("GEN_PAYLOAD_TOO_LARGE", "upload exceeds the maximum allowed size");
  return new CoreError(
    "GEN_MALFORMED_REQUEST",
    pattern === "/transactions" ? "Invalid input" : "http: request body too large",
  );
}

/** @returns {boolean} whether the key is the master key */
function authenticate({ key, scopedKeys, secure }, given, path) {
  if (!secure || OPEN_PATHS.includes(path)) return false;
  if (!given) throw new CoreError("AUTH_MISSING_API_KEY", "Authentication required. Use X-Blnk-Key header");
  if (same(given, key)) return true;
  if (scopedKeys.some((scoped) => same(given, scoped))) return false;
  throw new CoreError("AUTH_INVALID_API_KEY", "Invalid API key");
}

function same(a, b) {
  const digest = (text) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function redirectTo(request, path, search) {
  if (path === "/") return undefined;
  const other = path.endsWith("/") ? path.slice(0, -1) : `${path}/`;
  if (!find(request.method, other)) return undefined;
  return `${request.headers["x-forwarded-prefix"] ?? ""}${encodeURI(other)}${search ? `?${search}` : ""}`;
}
