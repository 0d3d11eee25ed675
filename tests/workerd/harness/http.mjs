/**
 * Two HTTP clients: `request` for ordinary requests whose path must go out as
 * given, and `rawRequest` for what no well-behaved client would send.
 */
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { MessageReader, lookup } from "./wire.mjs";

const TIMEOUT_MS = 30_000;

/**
 * @typedef {object} RequestOptions
 * @property {string} [method] GET without one
 * @property {Record<string, string | string[]> | [string, string][]} [headers] sent as given
 * @property {string | Uint8Array | AsyncIterable<Uint8Array> | object} [body] bytes; a stream, sent as it
 *   comes (chunked, unless a Content-Length is given); a plain object goes as JSON
 * @property {AbortSignal} [signal] hangs up
 * @property {number} [timeoutMs] 30 s without one
 */

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {string} statusText
 * @property {Headers} headers
 * @property {[string, string][]} rawHeaders as they arrived
 * @property {Buffer} body still in its Content-Encoding
 * @property {boolean} complete false when the answer broke off
 * @property {() => string} text
 * @property {() => any} json
 */

/**
 * Sends one request over a connection of its own and reads the whole answer.
 * @param {string} origin `http://host:port`
 * @param {string} path with its query; neither is normalised
 * @param {RequestOptions} [options]
 * @returns {Promise<Answer>}
 */
export async function request(origin, path, options = {}) {
  const { hostname, port } = new URL(origin);
  const { headers, body } = prepared(origin, options);
  const outgoing = http.request({
    hostname,
    port,
    path,
    method: options.method ?? "GET",
    headers,
    agent: false,
    signal: options.signal,
  });
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const timer = setTimeout(() => outgoing.destroy(new Error(`no answer to ${path} within ${timeoutMs} ms`)), timeoutMs);
  try {
    const answered = once(outgoing, "response");
    answered.catch(() => {});
    // The answer may come, and the connection close, before the body has gone out.
    const sent = send(outgoing, body).catch(() => {});
    const [incoming] = await answered;
    const answer = await read(incoming);
    if (!outgoing.writableFinished) outgoing.destroy();
    await sent;
    return answer;
  } finally {
    clearTimeout(timer);
  }
}

/** Every header line is written here: Node adds none of its own to a list, and frames no body of a GET. */
function prepared(origin, { method = "GET", headers = {}, body }) {
  const pairs = Array.isArray(headers)
    ? [...headers]
    : Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  const add = (name, value, unless = [name]) => {
    const given = pairs.some(([one]) => unless.includes(one.toLowerCase()));
    if (!given) pairs.push([name, value]);
  };
  add("host", new URL(origin).host);
  const framed = ["content-length", "transfer-encoding"];
  if (body === undefined || body === null) {
    if (["POST", "PUT", "PATCH"].includes(method)) add("content-length", "0", framed);
    return { headers: pairs.flat(), body: undefined };
  }
  if (body[Symbol.asyncIterator]) {
    add("transfer-encoding", "chunked", framed);
    return { headers: pairs.flat(), body };
  }
  const isJson = typeof body === "object" && !(body instanceof Uint8Array);
  if (isJson) add("content-type", "application/json");
  const bytes = Buffer.from(isJson ? JSON.stringify(body) : body);
  add("content-length", String(bytes.length), framed);
  return { headers: pairs.flat(), body: bytes };
}

async function send(outgoing, body) {
  if (body?.[Symbol.asyncIterator]) await pipeline(Readable.from(body), outgoing);
  else outgoing.end(body);
}

async function read(incoming) {
  const chunks = [];
  let complete = true;
  try {
    for await (const bytes of incoming) chunks.push(bytes);
  } catch {
    complete = false;
  }
  const rawHeaders = [];
  for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
    rawHeaders.push([incoming.rawHeaders[at], incoming.rawHeaders[at + 1]]);
  }
  return answer(incoming.statusCode, incoming.statusMessage, rawHeaders, Buffer.concat(chunks), complete);
}

/**
 * Sends bytes as they are and reads the answers.
 * @param {string} origin `http://host:port`
 * @param {Uint8Array | string | AsyncIterable<Uint8Array>} bytes a string is Latin-1
 * @param {object} [options]
 * @param {boolean} [options.hangUp] true ends our side after the bytes, as a client that vanishes politely
 * @param {boolean} [options.head] true when the request was HEAD, whose answer has no body
 * @param {number} [options.timeoutMs]
 * @returns {Promise<Answer | null>} the final answer; null when the connection ended without one
 */
export async function rawRequest(origin, bytes, options = {}) {
  const { hostname, port } = new URL(origin);
  const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.on("error", () => {});
  const timer = setTimeout(() => socket.destroy(), options.timeoutMs ?? TIMEOUT_MS);
  try {
    const sent = write(socket, bytes, options.hangUp).catch(() => {});
    const answered = await readAnswer(new MessageReader(socket), options.head);
    socket.destroy();
    await sent;
    return answered;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/**
 * A connection that stays open in the test's hands: to send part of a request,
 * wait, reset, or send several.
 * @param {string} origin
 */
export async function connect(origin) {
  const { hostname, port } = new URL(origin);
  const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  await once(socket, "connect");
  socket.on("error", () => {});
  const reader = new MessageReader(socket);
  return {
    socket,
    /** @param {Uint8Array | string | AsyncIterable<Uint8Array>} bytes */
    write: (bytes) => write(socket, bytes, false),
    /** The next final answer, null when the connection ended without one. */
    answer: (headRequest) => readAnswer(reader, headRequest),
    /** Ends the connection with a TCP reset. */
    reset: () => socket.resetAndDestroy(),
    close: () => socket.destroy(),
  };
}

async function write(socket, bytes, hangUp) {
  const parts = bytes[Symbol.asyncIterator] ? bytes : [Buffer.from(bytes, "latin1")];
  for await (const part of parts) {
    if (socket.destroyed) return;
    if (!socket.write(part)) await Promise.race([once(socket, "drain"), once(socket, "close")]);
  }
  if (hangUp) socket.end();
}

async function readAnswer(reader, headRequest) {
  for (;;) {
    const head = await reader.head();
    if (head === null) return null;
    const [, status, text] = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(head.first) ?? [];
    if (status === undefined) throw new Error(`not an answer: ${head.first}`);
    const code = Number(status);
    if (code < 200 && code !== 101) continue;
    const bare = headRequest || code === 204 || code === 304 || code === 101;
    const body = bare ? { bytes: Buffer.alloc(0), complete: true } : await reader.body(head, "close");
    const built = answer(code, text, head.rawHeaders, body.bytes, body.complete);
    return { ...built, length: body.length ?? 0, sha256: body.sha256, framing: body.framing };
  }
}

function answer(status, statusText, rawHeaders, body, complete) {
  const headers = lookup(rawHeaders);
  const text = () => body.toString("utf8");
  return { status, statusText, headers, rawHeaders, body, complete, text, json: () => JSON.parse(text()) };
}
