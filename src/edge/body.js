// How bodies of requests are read: those that are used whole, and those that are not used.

/** How much of an unused body is read before the answer, and for how long. */
const DRAIN_BYTES = 8 << 20;
export const DRAIN_MS = 2_000;

/**
 * Gives `response` once the rest of the request's body was read, within bounds: where a body is cancelled instead, the
 * answer is lost on current workerd about every other time.
 */
export async function drained(request, response) {
  await drain(request.body);
  return response;
}

/** Reads the rest of an unused body to its end, within bounds. */
export function drain(body) {
  return within(DRAIN_MS, readAway(body)).catch(() => {
    // The caller hung up, or the body was read already: the answer goes out as it is.
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

/** Waits for a promise, no longer than `ms`; undefined where it is still pending then. */
export function within(ms, promise) {
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, ms)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/**
 * A small body, for which room was made, as one Uint8Array; null where it is larger than `limit`.
 */
export function readSmall(request, declared, limit, idleMs) {
  return read(request, declared, limit, limit, idleMs, WHOLE_MS, () => true);
}

/** How long a small body may take in all. */
const WHOLE_MS = 30_000;

/** What is given for a body for which there was no room. */
export const NO_ROOM = Symbol("no room");

/**
 * The body as one Uint8Array; null where it is larger than `limit`, `NO_ROOM` where `room`, which holds so many bytes
 * more, says no. The `first` bytes are held already. It fails where the body breaks off, or does not come in time.
 */
export function read(request, declared, limit, first, idleMs, wholeMs, room) {
  if (!request.body) return Promise.resolve(new Uint8Array(0));
  if (declared <= first && declared <= AT_ONCE) return readAtOnce(request, Math.min(idleMs, wholeMs));
  return readInBlocks(request.body, declared, limit, first, idleMs, wholeMs, room);
}

/** A body this small nearly always comes in one piece, so that one deadline, the idle time, is enough. */
const AT_ONCE = 16 << 10;

/** The ordinary case, with no promise and no timer that it does not need. */
function readAtOnce(request, ms) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(reject, ms);
    const whole = (buffer) => {
      clearTimeout(timer);
      resolve(new Uint8Array(buffer));
    };
    request.arrayBuffer().then(whole, (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

/** In which parts memory is taken for a body, in bytes: the least, and the most. */
const BLOCK = 64 << 10;
const LARGEST_BLOCK = 1 << 20;

/**
 * Reads into blocks of ours, which are filled to the end: of many small pieces the platform would make as many large
 * buffers.
 */
function readInBlocks(body, declared, limit, first, idleMs, wholeMs, room) {
  return new Promise((resolve, reject) => {
    // Not a race of each read with the time: all of those that were won would be remembered until the last.
    const watch = watched(idleMs, wholeMs, () => reject(new Error("not there in time")));
    fillBlocks(body, declared, limit, first, watch, room).then(resolve, reject).finally(watch.end);
  });
}

async function fillBlocks(body, declared, limit, first, watch, room) {
  const reader = body.getReader({ mode: "byob" });
  const most = declared ?? limit + 1;
  const blocks = [];
  let block = new Uint8Array(Math.min(first, most));
  let filled = 0;
  let length = 0;
  try {
    while (length < most) {
      if (filled === block.byteLength) {
        // Twice what came at most, and so a few large steps for a large body.
        const next = Math.min(Math.max(BLOCK, Math.min(length, LARGEST_BLOCK)), most - length);
        watch.pause();
        if (!(await room(next))) return NO_ROOM;
        blocks.push(block);
        block = new Uint8Array(next);
        filled = 0;
      }
      watch.expect();
      const { done, value } = await reader.read(block.subarray(filled));
      if (watch.isLate()) return null;
      // The platform takes the whole buffer over and gives it back.
      block = new Uint8Array(value.buffer);
      if (done) break;
      filled += value.byteLength;
      length += value.byteLength;
    }
    if (length > limit) return null;
    if (length < declared) throw new Error("less came than was declared");
    blocks.push(block.subarray(0, filled));
    return joined(blocks, length);
  } finally {
    // Or the rest could not be read.
    reader.releaseLock();
  }
}

/** Watches what is expected, and calls `whenLate` where nothing comes for `idleMs`, or not all within `wholeMs`. */
function watched(idleMs, wholeMs, whenLate) {
  const until = Date.now() + wholeMs;
  let since = Date.now();
  let isLate = false;
  let timer;
  const look = () => {
    const left = Math.min(since + idleMs, until) - Date.now();
    isLate = left <= 0;
    if (isLate) whenLate();
    else timer = setTimeout(look, Math.min(left, idleMs));
  };
  look();
  return {
    isLate: () => isLate,
    expect: () => (since = Date.now()),
    pause: () => (since = Infinity),
    end: () => clearTimeout(timer),
  };
}

/**
 * A stream with nothing in it. Without a body the platform itself sends an idempotent method once more when a pooled
 * connection breaks, and a deletion that was done would be answered 404.
 */
export function emptyStream() {
  const { readable, writable } = new IdentityTransformStream();
  writable.close().catch(() => {});
  return readable;
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
 * A pipe that ends in failure, and with it the request, where more than `limit` bytes come. What is cut never looks
 * whole.
 */
export async function pipeUpTo(limit, readable, writable, cut) {
  const reader = readable.getReader();
  const writer = writable.getWriter();
  try {
    for (let left = limit; ; ) {
      const { done, value } = await reader.read();
      if (done) return await writer.close();
      left -= value.byteLength;
      if (left < 0) {
        cut();
        throw new Error("the body is too large");
      }
      await writer.write(value);
    }
  } catch (error) {
    writer.abort(error).catch(() => {});
    reader.releaseLock();
    throw error;
  }
}
