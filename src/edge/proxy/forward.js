// The platform calls of the request path. Every rule is Rust's: this file carries it out, in as few crossings between
// wasm and JavaScript as it can, for each costs more than the rule itself. Lists of headers are handed over once.

import { DRAIN_MS, NO_ROOM, drain, drained, emptyStream, pipeUpTo, read, within } from "../body.js";
import { land, takeOff } from "../in_flight.js";
import { FAILED, NOT_SENT, TIMED_OUT, TOO_LARGE, TOO_MANY } from "../no_answer.js";

let forwarded = [];
let neverReturned = [];
/** How long a body waits for its turn, and how often it asks, in milliseconds. */
let turnMs, askMs;

/** Takes over the two header lists, a name a line, and those times. */
export function configure(up, down, turn, ask) {
  forwarded = up.split("\n");
  neverReturned = down.split("\n");
  [turnMs, askMs] = [turn, ask];
}

/** `Edge.settle` and `Edge.generation`: this module cannot name what is made of the crate. */
let settle, generation;

/** Takes those two over. */
export function connect(edge) {
  ({ settle, generation } = edge);
}

/**
 * A Rust object, safe to be called. After a trap the instance that it belongs to is replaced at the next call from
 * outside, and wasm-bindgen looks whether an object is of this instance before that: so another call must come first.
 */
export function awake(call) {
  generation();
  return call;
}

function release(call) {
  try {
    awake(call).done();
  } catch {
    // It was dropped with its instance.
  }
}

/**
 * What is decided on, a line each: method, URL, and the headers that `edge::incoming` names. An absent header is a lone
 * NUL, which no header can hold.
 */
export function head(request) {
  const { method, headers } = request;
  const authorization = headers.get("authorization") ?? "\0";
  const key = headers.get("x-blnk-key") ?? "\0";
  const requestId = headers.get("x-request-id") ?? "\0";
  const traceparent = headers.get("traceparent") ?? "\0";
  const lines = `${method}\n${request.url}\n${authorization}\n${key}\n${requestId}\n${traceparent}`;
  // What follows matters to writes alone, and each look-up costs.
  if (method === "GET") return lines;
  return `${lines}\n${headers.get("idempotency-key") ?? "\0"}\n${headers.get("content-length") ?? "\0"}\n${
    headers.get("content-encoding") ?? "\0"
  }\n${headers.get("content-type") ?? "\0"}`;
}

/** An answer of our own. `extra` is name and value, a line each. */
export function respond(status, body, requestId, extra) {
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "x-request-id": requestId,
  };
  if (extra) {
    const lines = extra.split("\n");
    for (let at = 0; at + 1 < lines.length; at += 2) headers[lines[at]] = lines[at + 1];
  }
  return new Response(body, { status, headers });
}

/** Holds so many bytes more for the body of `call`, as soon as there is room; false where there is none in time. */
async function turn(call, bytes) {
  // Asked again and again: a promise that another request fulfils is one that the runtime may cancel.
  for (let left = turnMs; ; left -= askMs) {
    if (awake(call).hold(bytes)) return true;
    if (left <= 0) return false;
    await new Promise((resolve) => setTimeout(resolve, askMs));
  }
}

/**
 * Reads the body and lets `call`, a Rust object, go on with it: what it gives is answered or sent. `declared` is its
 * length, undefined where that is not known; of the budget `first` bytes are `held` already, or else are waited for.
 */
export function withBody(call, request, keyed, declared, limit, first, held, idleMs, wholeMs) {
  const goOn = keyed ? (bytes) => awake(call).hand_over(bytes) : (bytes) => complete(call, request, bytes);
  const there = (bytes) => {
    if (bytes === null) return awake(call).body_too_large();
    return bytes === NO_ROOM ? awake(call).busy() : goOn(bytes);
  };
  const failed = () => awake(call).body_failed();
  const begin = () =>
    read(request, declared, limit, first, idleMs, wholeMs, (bytes) => turn(call, bytes)).then(there, failed);
  return held ? begin() : turn(call, first).then((held) => (held ? begin() : awake(call).busy()));
}

function complete(call, request, bytes) {
  const sending = awake(call).complete(bytes);
  if (typeof sending === "string") return forward(request, sending, call.completed() ?? bytes, call);
  if (typeof sending === "number") {
    return turn(call, sending).then((held) => (held ? complete(call, request, bytes) : awake(call).busy()));
  }
  call.done();
  return sending;
}

/** How much longer than its deadline a request may take to be settled, in milliseconds, before it no longer counts. */
const SLACK_MS = 1_000;

/**
 * Sends a request to Core and gives the answer to be returned. `sending` is a line each: URL, kind of body (see
 * `bodyOf`), deadline in milliseconds, request id, reference that was made, beginning of the log line, whether an
 * ordinary answer leaves one, whether Core may act, a warning, the most of the body in bytes, the credential; then name
 * and value of the headers to set, on top of the caller's own. `call` is a Rust object that is to settle it, and is let
 * go where there is nothing to settle.
 */
export function forward(request, sending, bytes, call) {
  const lines = sending.split("\n");
  const [url, kind, timeoutMs, requestId, reference, begun, logged, , warning, limit, credential] = lines;
  const sentAt = Date.now();
  const conclude = (status, answer) => {
    const tookMs = Date.now() - sentAt;
    return call ? awake(call).settle(sending, status, tookMs, answer) : settle(sending, status, tookMs, answer);
  };
  const unsent = (status) => {
    const response = conclude(status);
    return request.body ? drained(request, response) : response;
  };
  const flight = takeOff(credential, Number(timeoutMs) + SLACK_MS);
  if (flight === null) return unsent(TOO_MANY);
  let up, deadline, answer;
  let tooLarge = false;
  const cut = () => {
    tooLarge = true;
    deadline.cut();
  };
  try {
    up = bodyOf(request, kind, bytes, limit, cut);
    deadline = up.taken ? clearableDeadline(Number(timeoutMs)) : { signal: AbortSignal.timeout(Number(timeoutMs)) };
    answer = fetch(url, {
      method: request.method,
      headers: upstreamHeaders(request, lines, HEADERS_FROM),
      body: up.body,
      redirect: "manual",
      cache: "no-store",
      signal: deadline.signal,
    });
  } catch {
    deadline?.clear?.();
    land(flight);
    return unsent(NOT_SENT);
  }
  const settled = answer.then(
    (answer) => {
      deadline.clear?.();
      land(flight);
      const { status } = answer;
      // A 2xx is Core's own answer, whatever else it says; all others are judged.
      if (status < 200 || status > 299 || warning) return conclude(status, answer);
      let passed;
      try {
        passed = passOn(answer, requestId, reference);
      } catch {
        return conclude(status, answer);
      }
      if (logged) console.log(`{"level":"info"${begun},"status":${status},"core_ms":${Date.now() - sentAt}}`);
      if (call) release(call);
      return passed;
    },
    (error) => {
      deadline.clear?.();
      land(flight);
      if (tooLarge) return conclude(TOO_LARGE);
      return conclude(error?.name === "TimeoutError" ? TIMED_OUT : FAILED);
    },
  );
  // An answer that overtakes the body would be lost with what is left of it.
  return up.taken ? settled.then((response) => within(DRAIN_MS, up.taken).then(() => response)) : settled;
}

/** In which line of what is sent the headers begin. */
const HEADERS_FROM = 11;

/**
 * A deadline that is put away at the head of an answer, and until then can `cut` the request. One that fires later ends
 * a body that is not being read yet: that matters only where the answer is held back. Elsewhere `AbortSignal.timeout`
 * does, for 9 % of a GET less.
 */
function clearableDeadline(ms) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DOMException("The deadline passed", "TimeoutError")), ms);
  let over = false;
  const clear = () => {
    over = true;
    clearTimeout(timer);
  };
  return { signal: controller.signal, clear, cut: () => over || controller.abort() };
}

/**
 * What goes up, and for a stream that Core may not take to its end `taken`, settled when someone has read all of it.
 * - `nothing`: no body.
 * - `bytes`: those that were read before.
 * - `own`: the caller's stream as it is.
 * - `guarded`: the same through a pipe. When Core goes away before it has it all, the rest is drained here: the
 *   platform would cancel it, and lose our answer with it. With a `limit`, of bytes, what is larger is `cut`.
 * - `empty`: a stream with nothing in it, see `emptyStream`.
 */
function bodyOf(request, kind, bytes, limit, cut) {
  if (kind === "nothing") return NOTHING;
  if (kind === "bytes") return { body: bytes };
  if (kind === "own") return { body: request.body };
  if (kind === "empty") return { body: emptyStream() };
  const length = request.headers.get("content-length");
  const { readable, writable } =
    length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
  const piped = limit
    ? pipeUpTo(Number(limit), request.body, writable, cut)
    : request.body.pipeTo(writable, { preventCancel: true });
  return { body: readable, taken: piped.catch(() => drain(request.body)) };
}

const NOTHING = { body: null };

/** The headers of a request to Core. `lines` holds name and value in turn of those to set, from one of them on. */
function upstreamHeaders(request, lines, from) {
  const sent = request.headers;
  // A plain object: a `Headers` made here would be copied by `fetch`, and costs two percent of a GET.
  const headers = {};
  for (const name of forwarded) {
    const value = sent.get(name);
    if (value !== null) headers[name] = value;
  }
  const address = sent.get("cf-connecting-ip");
  if (address !== null) headers["x-forwarded-for"] = address;
  for (let at = from; at + 1 < lines.length; at += 2) headers[lines[at]] = lines[at + 1];
  return headers;
}

/** The headers of a request to Core, for the object that sends it: name and value in turn. */
export function upstreamPairs(request, set) {
  return Object.entries(upstreamHeaders(request, set.split("\n"), 0)).flat();
}

/** Core's answer with the header rules applied; its body is passed on unread. */
export function passOn(answer, requestId, reference) {
  const passed = new Response(answer.body, answer);
  const headers = cleaned(passed.headers);
  headers.set("x-request-id", requestId);
  if (reference) headers.set("x-blnk-reference", reference);
  return passed;
}

/** Headers of an answer, less those that are never passed on. */
export function cleaned(headers) {
  const named = headers.get("connection");
  if (named !== null)
    for (const name of named.split(",")) if (/^[\w-]+$/.test(name.trim())) headers.delete(name.trim());
  for (const name of neverReturned) headers.delete(name);
  return headers;
}
