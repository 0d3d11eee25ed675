// The platform calls of the request path. Every rule is Rust's: this file carries it out, in as few crossings between
// wasm and JavaScript as it can, for each costs more than the rule itself. Lists of headers are handed over once.

let forwarded = [];
let neverReturned = [];

/** Takes over the two header lists, a name a line. */
export function configure(up, down) {
  forwarded = up.split("\n");
  neverReturned = down.split("\n");
}

/**
 * What is decided on, a line each: method, URL, and the headers that `edge::head` names. An absent header is a lone NUL,
 * which no header can hold.
 */
export function head(request) {
  const { method, headers } = request;
  const lines = `${method}\n${request.url}\n${headers.get("authorization") ?? "\0"}\n${headers.get("x-blnk-key") ?? "\0"}\n${
    headers.get("x-request-id") ?? "\0"
  }\n${headers.get("traceparent") ?? "\0"}`;
  // What follows matters to writes alone, and each look-up costs.
  if (method === "GET") return lines;
  return `${lines}\n${headers.get("idempotency-key") ?? "\0"}\n${headers.get("content-length") ?? "\0"}\n${
    headers.get("content-encoding") ?? "\0"
  }`;
}

/** An answer of our own. `extra` is name and value, a line each. */
export function respond(status, body, requestId, extra) {
  const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store", "x-request-id": requestId };
  if (extra) {
    const lines = extra.split("\n");
    for (let at = 0; at + 1 < lines.length; at += 2) headers[lines[at]] = lines[at + 1];
  }
  return new Response(body, { status, headers });
}

/** How much of a body nobody wants is read before the answer, and for how long. */
const DRAIN_BYTES = 8 << 20;
const DRAIN_MS = 2_000;

/**
 * Gives `response` once the rest of the request's body was read, within bounds: where a body is cancelled instead, the
 * answer is lost on current workerd about every other time.
 */
export async function drained(request, response) {
  await drain(request.body);
  return response;
}

function drain(body) {
  return within(DRAIN_MS, readAway(body)).catch(() => {
    // The caller is gone, or the body was read already: the answer goes out as it is.
  });
}

async function readAway(body) {
  const reader = body.getReader();
  for (let left = DRAIN_BYTES; left > 0; ) {
    const { done, value } = await reader.read();
    if (done) return;
    left -= value.byteLength;
  }
}

/** Waits for a promise, no longer than `ms`; what comes of it then is what `whenLate` gives. */
function within(ms, promise, whenLate = () => {}) {
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, ms))).then(whenLate);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function failLate() {
  throw new Error("not there in time");
}

/** The body as one Uint8Array; null where it is larger than `limit`. With a Content-Length it cannot be longer than that. */
export async function readBody(request, limit, declared) {
  if (!request.body) return new Uint8Array(0);
  if (declared) {
    const bytes = new Uint8Array(await request.arrayBuffer());
    return bytes.byteLength > limit ? null : bytes;
  }
  const chunks = [];
  let length = 0;
  // Not `for await`: to leave such a loop cancels the body, and on current workerd the answer with it.
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength;
    if (length > limit) {
      reader.releaseLock();
      return null;
    }
    chunks.push(value);
  }
  return joined(chunks, length);
}

/** Chunks of `length` bytes in all, as one. */
export function joined(chunks, length) {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

/**
 * Reads the body and lets `call` go on with it. `call` is a Rust object, and its method returns what to answer. A body that
 * is not there within `timeoutMs` counts as broken off; 0 waits for it.
 */
export function withBody(call, request, limit, declared, timeoutMs) {
  const body = readBody(request, limit, declared);
  return (timeoutMs ? within(timeoutMs, body, failLate) : body).then(
    (bytes) => (bytes ? call.body_read(bytes) : call.body_too_large()),
    () => call.body_failed(),
  );
}

/**
 * Sends a request to Core and gives the answer to be returned. `set` is name and value, a line each; they come on top of the
 * caller's own headers. `body` is null, bytes, or the name of a kind of stream (see `bodyOf`). `line` is the log line of an
 * ordinary answer up to its status; empty where it leaves none.
 */
export function forward(call, request, url, set, timeoutMs, body, line, requestId, reference) {
  const sentAt = Date.now();
  let up, deadline, answer;
  try {
    up = bodyOf(request, body);
    deadline = up.taken ? clearableDeadline(timeoutMs) : { signal: AbortSignal.timeout(timeoutMs) };
    answer = send(request, url, set, deadline.signal, up.body);
  } catch {
    deadline?.clear?.();
    return call.not_sent();
  }
  const settled = answer.then(
    (answer) => {
      deadline.clear?.();
      const status = answer.status;
      // A 2xx is Core's own answer, whatever else it says; all others are judged.
      if (status >= 200 && status < 300) {
        let passed;
        try {
          passed = passOn(answer, requestId, reference);
        } catch {
          return call.answered(answer, status);
        }
        if (line) console.log(`${line}"status":${status},"core_ms":${Date.now() - sentAt}}`);
        call.free();
        return passed;
      }
      // Only where the type decides anything is it handed over.
      const type = status === 403 || status >= 500 ? answer.headers.get("content-type") : null;
      return call.answered(answer, status, type ?? undefined);
    },
    (error) => {
      deadline.clear?.();
      return call.failed(error?.name === "TimeoutError");
    },
  );
  // An answer that overtakes the body would be lost with what is left of it.
  return up.taken ? settled.then((response) => within(DRAIN_MS, up.taken).then(() => response)) : settled;
}

/**
 * A deadline that is put away at the head of an answer. One that fires later ends a body that nobody has begun to read: that
 * matters only where the answer is held back. Elsewhere `AbortSignal.timeout` does, for 9 % of a GET less.
 */
function clearableDeadline(ms) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DOMException("The deadline passed", "TimeoutError")), ms);
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}

/**
 * What goes up, and for a stream that Core may not take to its end `taken`, settled when someone has read all of it.
 * - `own`: the caller's stream as it is.
 * - `guarded`: the same through a pipe. When Core goes away before it has it all, the rest is drained here: the platform
 *   would cancel it, and lose our answer with it.
 * - `empty`: a stream with nothing in it. Without one the platform itself sends an idempotent method once more when a pooled
 *   connection breaks, and a deletion that was done would be answered 404.
 */
function bodyOf(request, body) {
  if (body === "own") return { body: request.body };
  if (body === "empty") {
    const { readable, writable } = new IdentityTransformStream();
    writable.close().catch(() => {});
    return { body: readable };
  }
  if (body !== "guarded") return { body };
  const length = request.headers.get("content-length");
  const { readable, writable } = length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
  const taken = request.body.pipeTo(writable, { preventCancel: true }).catch(() => drain(request.body));
  return { body: readable, taken };
}

function send(request, url, set, signal, body) {
  return fetch(url, {
    method: request.method,
    headers: upstreamHeaders(request, set),
    body,
    redirect: "manual",
    cache: "no-store",
    signal,
  });
}

function upstreamHeaders(request, set) {
  const sent = request.headers;
  const headers = new Headers();
  for (const name of forwarded) {
    const value = sent.get(name);
    if (value !== null) headers.set(name, value);
  }
  const address = sent.get("cf-connecting-ip");
  if (address !== null) headers.set("x-forwarded-for", address);
  const lines = set.split("\n");
  for (let at = 0; at + 1 < lines.length; at += 2) headers.set(lines[at], lines[at + 1]);
  return headers;
}

/** The headers of a request to Core, for the object that sends it: name and value in turn. */
export function upstreamPairs(request, set) {
  return [...upstreamHeaders(request, set)].flat();
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
  if (named !== null) for (const name of named.split(",")) if (/^[\w-]+$/.test(name.trim())) headers.delete(name.trim());
  for (const name of neverReturned) headers.delete(name);
  return headers;
}

/** Keeps a write and its log line alive when the caller hangs up. */
export function keepAlive(context, promise) {
  context.waitUntil(promise);
  return promise;
}
