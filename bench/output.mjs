// What a worker prints: always read, kept only while someone asks for it.

/** Stands in for the tests' `Logs`, which keeps everything: here a line must cost this process as little as can be. */
export class Output {
  /** @type {string[]} the lines since the start, or since they were last kept */
  lines = [];
  #keeps = true;

  /**
   * @param {import("node:stream").Readable} stream
   * @returns {Promise<void>} settled when it has ended
   */
  collect(stream) {
    let rest = "";
    stream.on("data", (bytes) => {
      if (!this.#keeps) return;
      const lines = (rest + bytes).split("\n");
      rest = lines.pop();
      this.lines.push(...lines);
    });
    return new Promise((resolve) => stream.once("close", resolve));
  }

  /** Keeps what comes from now on, or drops it. */
  keep(keeps) {
    this.#keeps = keeps;
    this.lines = [];
  }

  /** The lines that are JSON objects, parsed. */
  json() {
    return this.lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  }
}
