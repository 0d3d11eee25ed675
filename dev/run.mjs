// Programs that the commands run, and the one way in which a command fails.
import { spawn, spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { root } from "./project.mjs";

/** A failure that its own sentence explains: it is printed without a stack trace. */
export class Failure extends Error {}

/**
 * Runs `command` if the file it stands in is the one that was started, in the project's folder.
 * @param {string} moduleUrl `import.meta.url` of that file
 * @param {() => Promise<void>} command
 */
export async function main(moduleUrl, command) {
  if (moduleUrl !== pathToFileURL(realpathSync(process.argv[1] ?? ".")).href) return;
  process.chdir(root);
  try {
    await command();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    process.stderr.write(`\n${error.message}\n`);
    process.exitCode = 1;
  }
}

/**
 * Runs a program with its output on the terminal.
 * @param {string} program
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, failure: string, quiet?: boolean }} options `env` is added to the
 *   environment; `failure` is the sentence for a program that ends badly; of a `quiet` one only the errors are shown.
 */
export async function run(program, args, { env = {}, failure, quiet = false }) {
  const stdio = ["inherit", quiet ? "ignore" : "inherit", "inherit"];
  const child = spawn(program, args, { stdio, env: { ...process.env, ...env } });
  let stopped = false;
  const stop = (signal) => {
    stopped = true;
    child.kill(signal);
  };
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  const code = await new Promise((resolve, reject) => {
    child.once("error", (error) =>
      reject(new Failure(`${program} could not be started (${error.message}). ${failure}`)),
    );
    child.once("close", resolve);
  }).finally(() => {
    for (const signal of STOP_SIGNALS) process.off(signal, stop);
  });
  if (stopped) throw new Failure("Stopped.");
  if (code !== 0) throw new Failure(failure);
}

/** The signals that ask a command to stop: Ctrl-C, `kill`, and a terminal that is closed. */
export const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * What a program prints, trimmed, or `undefined` where it is missing or ends badly.
 * @param {string} program
 * @param {string[]} args
 */
export function output(program, args) {
  const { status, stdout } = spawnSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return status === 0 ? stdout.trim() : undefined;
}

/** Prints what a command is about to do. */
export function say(text) {
  process.stdout.write(`${text}\n`);
}
