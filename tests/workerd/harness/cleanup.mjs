/**
 * What a test started ends with the test process, however that ends: processes
 * are killed and temporary folders removed on exit, on SIGINT and on SIGTERM.
 */
import { rmSync } from "node:fs";

/** @type {Set<() => void>} */
const pending = new Set();
let hooked = false;

/**
 * Registers a synchronous clean-up.
 * @param {() => void} task called once, at the latest when the process ends
 * @returns {() => void} runs the task now and forgets it
 */
export function atExit(task) {
  hook();
  const once = () => {
    if (pending.delete(once)) task();
  };
  pending.add(once);
  return once;
}

/**
 * Registers a folder to be removed.
 * @param {string} folder
 * @returns {() => void} removes it now
 */
export function removeAtExit(folder) {
  return atExit(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
}

function hook() {
  if (hooked) return;
  hooked = true;
  process.on("exit", runAll);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.once(signal, () => {
      runAll();
      process.kill(process.pid, signal);
    });
  }
}

function runAll() {
  for (const task of [...pending].reverse()) {
    try {
      task();
    } catch (error) {
      console.error(`clean-up failed: ${error.message}`);
    }
  }
}
