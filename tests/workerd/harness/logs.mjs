/** What a process printed, line by line, and ways to wait for a line. */
import { createInterface } from "node:readline";

const WAIT_MS = 3_000;

/** Lines of stdout and stderr in the order in which they came. */
export class Logs {
  /** @type {string[]} */
  lines = [];
  /** @type {Set<() => void>} */
  #waiting = new Set();

  /**
   * @param {import("node:stream").Readable} stream read to its end
   * @returns {Promise<void>} settled when the stream has ended
   */
  async collect(stream) {
    const reader = createInterface({ input: stream, crlfDelay: Infinity });
    reader.on("line", (line) => {
      this.lines.push(line);
      for (const wake of [...this.#waiting]) wake();
    });
    await new Promise((resolve) => reader.once("close", resolve));
  }

  /** @returns {object[]} every line that is a JSON object, parsed */
  json() {
    return this.lines.map(parseObject).filter((value) => value !== undefined);
  }

  /**
   * Waits until `find` gives something for what was printed so far.
   * @template T
   * @param {(logs: Logs) => T | undefined | false} find called again after each line
   * @param {string} what named in the error
   * @param {number} [timeoutMs]
   * @returns {Promise<T>}
   */
  until(find, what, timeoutMs = WAIT_MS) {
    return new Promise((resolve, reject) => {
      const done = (settle, value) => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        settle(value);
      };
      const check = () => {
        const found = find(this);
        if (found) done(resolve, found);
      };
      const timer = setTimeout(() => {
        const tail = this.lines.slice(-20).join("\n");
        done(reject, new Error(`no ${what} within ${timeoutMs} ms; last lines:\n${tail}`));
      }, timeoutMs);
      this.#waiting.add(check);
      check();
    });
  }
}

function parseObject(line) {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
