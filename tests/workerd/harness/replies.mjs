/**
 * What a scripted upstream does with a request. A reply is a function of the
 * exchange, so tests combine these or write their own.
 *
 * @typedef {(exchange: import("./upstream.mjs").Exchange) => unknown} Reply
 */
import { STATUS_CODES } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { LAST_CHUNK, chunk, head } from "./wire.mjs";

/**
 * A whole answer, after the whole request was read.
 * @param {object} [answer]
 * @param {number} [answer.status]
 * @param {string} [answer.reason] the status's own without one
 * @param {[string, string][] | Record<string, string>} [answer.headers] in order; a Content-Length is added unless
 *   one, or a Transfer-Encoding, is given
 * @param {string | Uint8Array | object} [answer.body] a plain object goes as JSON
 * @param {boolean} [answer.chunked] sends the body in chunks
 * @returns {Reply}
 */
export function reply(answer = {}) {
  const bytes = answerBytes(answer);
  return async (exchange) => {
    await exchange.body();
    await exchange.write(bytes);
  };
}

/**
 * An answer as it was recorded: status, headers in order, body.
 * @param {{status: number, headers: [string, string][], body?: string, body_base64?: string}} response
 * @returns {Reply}
 */
export function recorded({ status, headers, body, body_base64: encoded }) {
  const bytes = encoded === undefined ? body : Buffer.from(encoded, "base64");
  const chunked = headers.some(([name]) => /^transfer-encoding$/i.test(name));
  return reply({ status, headers, body: bytes, chunked });
}

/** These bytes and nothing else, after the whole request was read. */
export function raw(bytes) {
  return async (exchange) => {
    await exchange.body();
    await exchange.write(bytes);
  };
}

/** The bytes, then the connection closes: half a head, half a body, or none. */
export function closeAfter(bytes = "") {
  return async (exchange) => {
    await exchange.body();
    await exchange.write(bytes);
    exchange.close();
  };
}

/** The bytes, then a TCP reset. */
export function resetAfter(bytes = "") {
  return async (exchange) => {
    await exchange.body();
    await exchange.write(bytes);
    // Let the bytes leave before the reset throws away what is unsent.
    await sleep(bytes.length > 0 ? 50 : 0);
    exchange.reset();
  };
}

/** A reset as soon as the head is there, with the body unread. */
export const resetAtOnce = (exchange) => exchange.reset();

/** The bytes, then silence for as long as the caller stays. */
export function hang(bytes = "") {
  return async (exchange) => {
    await exchange.body();
    await exchange.write(bytes);
    await exchange.closed;
  };
}

/**
 * An answer while the request's body is still coming.
 * @param {Parameters<typeof reply>[0]} answer
 * @param {{close?: boolean}} [options] close: false goes on reading the body instead of closing
 * @returns {Reply}
 */
export function early(answer, { close = true } = {}) {
  const bytes = answerBytes(answer);
  return async (exchange) => {
    await exchange.write(bytes);
    if (close) exchange.close();
  };
}

/** Another reply, so much later. */
export function after(ms, then) {
  return async (exchange) => {
    await Promise.race([sleep(ms, undefined, { ref: false }), exchange.closed]);
    await then(exchange);
  };
}

/**
 * The bytes of an answer, for those who cut them.
 * @param {Parameters<typeof reply>[0]} answer
 * @returns {Buffer}
 */
export function answerBytes({ status = 200, reason, headers = [], body = "", chunked = false }) {
  const list = Array.isArray(headers) ? [...headers] : Object.entries(headers);
  const isJson = typeof body === "object" && !(body instanceof Uint8Array);
  const bytes = Buffer.from(isJson ? JSON.stringify(body) : body);
  const has = (name) => list.some(([given]) => given.toLowerCase() === name);
  if (isJson && !has("content-type")) list.push(["Content-Type", "application/json; charset=utf-8"]);
  if (chunked && !has("transfer-encoding")) list.push(["Transfer-Encoding", "chunked"]);
  const bare = status < 200 || status === 204 || status === 304;
  if (!bare && !has("transfer-encoding") && !has("content-length")) {
    list.push(["Content-Length", String(bytes.length)]);
  }
  const framed = chunked ? [...(bytes.length > 0 ? [chunk(bytes)] : []), LAST_CHUNK] : [bytes];
  const first = `HTTP/1.1 ${status} ${reason ?? STATUS_CODES[status] ?? ""}`;
  return Buffer.concat([head(first, list), ...(bare ? [] : framed)]);
}
