// A stand-in for Blnk Core, for development and tests: in memory, stateful, with Core's answers and Core's rules where
// a newcomer meets them. It is no ledger to keep money in.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { CoreError, errorAnswer } from "./errors.mjs";
import { print } from "./print.mjs";
import { decodePath, router } from "./router.mjs";
import { ROUTES } from "./routes.mjs";
import { Store } from "./store.mjs";

const MAX_BODY_BYTES = 5 * 1024 * 1024;
const MAX_UPLOAD_BYTES = 256 * 1024 * 1024;
// Go sends a Content-Length for what fits its buffer and chunks above it.
const LARGEST_KNOWN_LENGTH = 2048;
// Core's server has none; one of our own could cut a connection that a proxy is about to use again.
const NO_TIMEOUTS = { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 };
const OPEN_PATHS = ["/", "/health"];
const SECURITY_HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "strict-origin-when-cross-origin",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};
const RATE_HEADERS = {
  "Ratelimit-Limit": "5000000", "Ratelimit-Remaining": "10000000", "Ratelimit-Reset": "1", "X-Rate-Limit-Duration": "1", "X-Rate-Limit-Limit": "5000000.00",
};
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
 * @returns {Promise<{ url: string, port: number, key: string, requests: Map<string, number>, settled(): Promise<void>, close(): Promise<void> }>}
 *   `requests` counts by method and route pattern (`none` for no route); `settled` resolves when nothing is queued
 */
export async function startCore({
  port = 0, host = "127.0.0.1", key = randomBytes(24).toString("hex"), scopedKeys = [], secure = true, insertDelayMs = 20, applyDelayMs = 150,
} = {}) {
  const core = { store: new Store(), delays: { insert: insertDelayMs, apply: applyDelayMs }, key, scopedKeys, secure, requests: new Map() };
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
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${actual}`, port: actual, key, requests: core.requests,
    settled: () => core.store.later.settled(),
    close: () => {
      core.store.later.stop();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
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
  const answer = answerTo(core, request, { route, path, search, bytes, tooLarge });
  send(response, answer, commonHeaders(request));
}

function split(text, at) {
  const i = text.indexOf(at);
  return i === -1 ? [text] : [text.slice(0, i), text.slice(i + 1)];
}

function count({ requests }, name) {
  requests.set(name, (requests.get(name) ?? 0) + 1);
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

function answerTo(core, request, { route, path, search, bytes, tooLarge }) {
  try {
    const isMaster = authenticate(core, request.headersDistinct["x-blnk-key"]?.[0], path);
    if (!route) return { status: 404, type: "text/plain", text: "404 page not found" };
    if (tooLarge) throw tooLargeError(route.pattern);
    return route.handler(core, { params: route.params, query: new URLSearchParams(search), headers: request.headers, body: bytes, isMaster });
  } catch (error) {
    return errorAnswer(error, route?.rules);
  }
}

function tooLargeError(pattern) {
  if (pattern === "/reconciliation/upload") return new CoreError("GEN_PAYLOAD_TOO_LARGE", "upload exceeds the maximum allowed size");
  return new CoreError("GEN_MALFORMED_REQUEST", pattern === "/transactions" ? "Invalid input" : "http: request body too large");
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

function redirectBody(method, location) {
  if (method !== "GET") return { status: 307, text: "" };
  const escaped = location.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&#34;");
  return { status: 301, type: "text/html; charset=utf-8", text: `<a href="${escaped}">Moved Permanently</a>.\n\n` };
}

function commonHeaders({ headers, socket }) {
  const common = { ...SECURITY_HEADERS, ...RATE_HEADERS, "X-Rate-Limit-Request-Remote-Addr": `${socket.remoteAddress}:${socket.remotePort}` };
  if (headers["x-forwarded-for"]) common["X-Rate-Limit-Request-Forwarded-For"] = headers["x-forwarded-for"];
  if (headers["x-forwarded-proto"] === "https") common["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains";
  return common;
}

function send(response, { status, body, text, type = body === undefined ? undefined : "application/json; charset=utf-8", location }, common = {}) {
  const bytes = Buffer.from(text ?? print(body));
  const headers = { ...common };
  if (type) headers["Content-Type"] = type;
  if (location) headers.Location = location;
  if (bytes.length <= LARGEST_KNOWN_LENGTH) headers["Content-Length"] = bytes.length;
  else headers["Transfer-Encoding"] = "chunked";
  for (const name of Object.keys(headers).sort()) response.setHeader(name, headers[name]);
  // Go says nothing about the connection unless it closes it.
  response.removeHeader("Connection");
  response.statusCode = status;
  response.end(bytes);
}
