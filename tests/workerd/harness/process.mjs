/** One run of `workerd serve`: started, listened to, measured, ended. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { atExit } from "./cleanup.mjs";

const START_MS = 20_000;
const STOP_MS = 1_500;

/**
 * @param {object} run
 * @param {string} run.config path of the configuration
 * @param {string[]} run.flags further arguments of `workerd serve`
 * @param {Record<string, string>} run.env added to the environment
 * @param {import("./logs.mjs").Logs} run.logs takes what is printed
 * @returns {Promise<Process>} a process that listens
 * @throws with workerd's own message when it ends instead
 */
export async function runWorkerd({ config, flags, env, logs }) {
  const child = spawn(binary(), ["serve", config, "--control-fd=3", ...flags], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const already = logs.lines.length;
  const run = new Process(child, logs);
  const port = await listening(child, run.exited, () => logs.lines.slice(already));
  run.port = port;
  // A test that forgets to stop its worker must still be able to end.
  for (const handle of [child, child.stdout, child.stderr, child.stdio[3]]) handle.unref();
  return run;
}

/** A workerd process. */
export class Process {
  /** The port it listens on. */
  port = 0;
  #child;

  /**
   * @param {import("node:child_process").ChildProcess} child
   * @param {import("./logs.mjs").Logs} logs
   */
  constructor(child, logs) {
    this.#child = child;
    const forget = atExit(() => child.kill("SIGKILL"));
    const printed = Promise.all([logs.collect(child.stdout), logs.collect(child.stderr)]);
    /** @type {Promise<{code: number | null, signal: string | null}>} settled when all it printed was read too */
    this.exited = new Promise((resolve) => {
      const ended = (code, signal) => {
        forget();
        printed.then(() => resolve({ code, signal }));
      };
      child.once("exit", ended);
      child.once("error", (error) => {
        logs.lines.push(error.message);
        ended(null, null);
      });
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /**
   * One figure of the process's memory (Linux).
   * @param {"VmRSS" | "VmHWM"} field resident now, or the most it ever was
   * @returns {number} bytes
   */
  memory(field) {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)[1]) * 1024;
  }

  /** Ends it as a crash would. */
  kill() {
    this.#child.kill("SIGKILL");
    return this.#waitForExit();
  }

  /** Ends it in order, or by force where requests that hang keep it. */
  async end() {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    const status = await this.#waitForExit();
    clearTimeout(timer);
    return status;
  }

  async #waitForExit() {
    // The process does not keep the event loop alive; who waits for its end does.
    const awake = setInterval(() => {}, STOP_MS);
    const status = await this.exited;
    clearInterval(awake);
    return status;
  }
}

/** Waits for the event that workerd writes on its control pipe once it listens. */
function listening(child, exited, output) {
  return new Promise((resolve, reject) => {
    const fail = (why) => {
      clearTimeout(timer);
      reject(new Error(`workerd ${why}:\n${output().join("\n")}`));
    };
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      fail(`does not listen after ${START_MS} ms`);
    }, START_MS);
    exited.then(({ code, signal }) => fail(`ended with ${signal ?? `code ${code}`}`));
    let events = "";
    child.stdio[3]?.on("data", (bytes) => {
      events += bytes;
      const whole = events
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line));
      const event = whole.find((one) => one.event === "listen" && one.socket === "http");
      if (event === undefined) return;
      clearTimeout(timer);
      resolve(event.port);
    });
  });
}

/** The binary itself, not npm's wrapper script: signals must reach workerd. */
function binary() {
  return createRequire(import.meta.url)("workerd").default;
}
