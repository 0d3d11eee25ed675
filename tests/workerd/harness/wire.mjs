/**
 * HTTP/1.1 messages as bytes: written without any tidying up, and read from a
 * socket without losing how they were spelled.
 */
import { createHash } from "node:crypto";

/** Bodies up to this size are kept; of larger ones length and hash are known. */
const KEPT_BYTES = 1024 * 1024;

/**
 * The bytes of a message's head.
 * @param {string} first request or status line, without CRLF
 * @param {string[] | [string, string][]} headers whole lines or pairs, in order; characters are bytes (Latin-1)
 * @returns {Buffer}
 */
export function head(first, headers = []) {
  const lines = headers.map((line) => (Array.isArray(line) ? line.join(": ") : line));
  return Buffer.from(`${[first, ...lines].join("\r\n")}\r\n\r\n`, "latin1");
}

/** One chunk of a chunked body. */
export function chunk(bytes) {
  const data = Buffer.from(bytes);
  return Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from("\r\n")]);
}

/** The end of a chunked body. */
export const LAST_CHUNK = Buffer.from("0\r\n\r\n");

/**
 * @typedef {object} Head
 * @property {string} first the request or status line as it arrived
 * @property {string[]} lines the header lines as they arrived
 * @property {[string, string][]} rawHeaders name and value, in order
 * @property {Headers} headers for look-ups; repeated ones joined
 */

/**
 * @typedef {object} Body
 * @property {number} length
 * @property {string} sha256 hex
 * @property {Buffer | null} bytes null above 1 MiB
 * @property {boolean} complete false when the connection ended before the body did
 * @property {"none" | "length" | "chunked" | "close"} framing
 */

/** Reads messages from a socket, one after the other. */
export class MessageReader {
  #chunks;
  #buffer = Buffer.alloc(0);
  #ended = false;

  /** @param {import("node:net").Socket} socket */
  constructor(socket) {
    // The end of their side must not end ours: an answer may still have to go out.
    this.#chunks = socket.iterator({ destroyOnReturn: false });
  }

  /** @returns {Promise<Head | null>} null when the connection ended before a whole head came */
  async head() {
    const end = await this.#find("\r\n\r\n");
    if (end < 0) return null;
    const [first, ...lines] = this.#take(end + 4)
      .toString("latin1")
      .slice(0, -4)
      .split("\r\n");
    const rawHeaders = lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    return { first, lines, rawHeaders, headers: lookup(rawHeaders) };
  }

  /**
   * @param {Head} head the message's head
   * @param {"none" | "close"} without what a message has that names no length: no body, or all until the end
   * @returns {Promise<Body>}
   */
  async body(head, without) {
    const sink = new Sink();
    const length = head.headers.get("content-length");
    let framing = without;
    let complete = true;
    if (/chunked/i.test(head.headers.get("transfer-encoding") ?? "")) {
      framing = "chunked";
      complete = await this.#chunked(sink);
    } else if (length !== null) {
      framing = "length";
      complete = await this.#move(Number(length), sink);
    } else if (without === "close") {
      await this.#move(Infinity, sink);
    }
    return { ...sink.result(), complete, framing };
  }

  /** What came after the last message, until the connection ended. */
  async rest() {
    while (await this.#more());
    return this.#take(this.#buffer.length);
  }

  async #chunked(sink) {
    for (;;) {
      const end = await this.#find("\r\n");
      if (end < 0) return false;
      const size = Number.parseInt(this.#take(end + 2).toString("latin1"), 16);
      if (Number.isNaN(size)) return false;
      if (size === 0) return this.#trailers();
      if (!(await this.#move(size, sink))) return false;
      if (!(await this.#move(2, null))) return false;
    }
  }

  async #trailers() {
    for (;;) {
      const end = await this.#find("\r\n");
      if (end < 0) return false;
      this.#take(end + 2);
      if (end === 0) return true;
    }
  }

  /** Moves `count` bytes to the sink; false when the connection ended before. */
  async #move(count, sink) {
    let left = count;
    while (left > 0) {
      if (this.#buffer.length === 0 && !(await this.#more())) return false;
      const bytes = this.#take(Math.min(left, this.#buffer.length));
      sink?.add(bytes);
      left -= bytes.length;
    }
    return true;
  }

  async #find(mark) {
    for (;;) {
      const at = this.#buffer.indexOf(mark);
      if (at >= 0 || !(await this.#more())) return at;
    }
  }

  #take(count) {
    const bytes = this.#buffer.subarray(0, count);
    this.#buffer = this.#buffer.subarray(count);
    return bytes;
  }

  async #more() {
    if (this.#ended) return false;
    // A reset is an end too: the caller sees what had arrived until then.
    const { value, done } = await this.#chunks.next().catch(() => ({ done: true }));
    this.#ended = Boolean(done);
    if (done) return false;
    this.#buffer = this.#buffer.length === 0 ? value : Buffer.concat([this.#buffer, value]);
    return true;
  }
}

/** Hashes all, keeps a little. */
class Sink {
  #hash = createHash("sha256");
  #kept = [];
  #length = 0;

  add(bytes) {
    this.#hash.update(bytes);
    this.#length += bytes.length;
    if (this.#length <= KEPT_BYTES) this.#kept.push(bytes);
    else this.#kept = [];
  }

  result() {
    const bytes = this.#length <= KEPT_BYTES ? Buffer.concat(this.#kept) : null;
    return { length: this.#length, sha256: this.#hash.digest("hex"), bytes };
  }
}

/**
 * Headers for look-ups; what is no valid header is left out.
 * @param {[string, string][]} rawHeaders
 * @returns {Headers}
 */
export function lookup(rawHeaders) {
  const headers = new Headers();
  for (const [name, value] of rawHeaders) {
    try {
      headers.append(name, value);
    } catch {
      // A name or value that is no header stays visible in the raw lines alone.
    }
  }
  return headers;
}
