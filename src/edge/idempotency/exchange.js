// The object of an Idempotency-Key: its exchange with Core, and its answers to the Worker.

import { emptyStream, joined } from "../body.js";
import { FAILED, TIMED_OUT } from "../no_answer.js";
import { cleaned } from "../proxy/forward.js";

const REPORT = "x-blnk-edge-report";

/** Codings that the platform undoes when a body is read. */
const UNDONE = new Set(["gzip", "br"]);

/**
 * Sends a request to Core and reads its answer up to `keep` bytes. `headers` is name and value in turn. The head may
 * take `timeoutMs`, and the body as long again.
 *
 * @returns status, type (of the content), headers (name and value in turn), bytes (null where the body is larger), rest
 *   (the whole body then, as a stream); or a status of `no_answer.js` alone
 */
export async function exchange(url, method, headers, body, timeoutMs, keep) {
  const deadline = new AbortController();
  let timer = setTimeout(() => deadline.abort(), timeoutMs);
  try {
    const init = { method, headers: pairs(headers), redirect: "manual", cache: "no-store", signal: deadline.signal };
    const answer = await fetch(url, { ...init, body: bodyOf(method, body) });
    clearTimeout(timer);
    const late = new Promise((_, reject) => (timer = setTimeout(reject, timeoutMs, LATE)));
    const read = await readUpTo(answer.body, keep, late);
    return { status: answer.status, type: answer.headers.get("content-type") ?? "", headers: kept(answer), ...read };
  } catch (error) {
    return { status: deadline.signal.aborted || error === LATE ? TIMED_OUT : FAILED };
  } finally {
    clearTimeout(timer);
  }
}

const LATE = Symbol("the body did not come in time");

/** The body as it is sent; the platform repeats a PUT or DELETE without one by itself. */
function bodyOf(method, body) {
  return body?.byteLength > 0 || method === "GET" || method === "POST" ? body : emptyStream();
}

function pairs(flat) {
  const list = [];
  for (let at = 0; at + 1 < flat.length; at += 2) list.push([flat[at], flat[at + 1]]);
  return list;
}

/** The headers of an answer whose body was read: what the platform undid is not said any more. */
function kept(answer) {
  const headers = cleaned(new Headers(answer.headers));
  headers.delete("content-length");
  if (UNDONE.has(headers.get("content-encoding")?.toLowerCase())) headers.delete("content-encoding");
  return [...headers].flat();
}

async function readUpTo(body, keep, late) {
  if (body === null) return { bytes: new Uint8Array(0) };
  const reader = body.getReader();
  const chunks = [];
  let length = 0;
  for (;;) {
    const { done, value } = await Promise.race([reader.read(), late]);
    if (done) return { bytes: joined(chunks, length) };
    chunks.push(value);
    length += value.byteLength;
    if (length > keep) return { bytes: null, rest: resumed(chunks, reader) };
  }
}

/** The chunks that were read, and then what is still to come. */
function resumed(chunks, reader) {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
    },
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** An answer of the object's to the Worker. `headers` is name and value in turn, `body` bytes or a stream. */
export function reported(status, headers, body, report) {
  const bare = status === 204 || status === 205 || status === 304;
  return new Response(bare ? null : body, { status, headers: [...pairs(headers), [REPORT, report]] });
}

/** An error of ours, made as any other, with the report beside it. */
export function withReport(response, report) {
  response.headers.set(REPORT, report);
  return response;
}
