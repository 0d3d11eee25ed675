// What the benchmark needs beside the project's own set-up: a load tool and an upstream, both compiled.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root } from "../dev/project.mjs";
import { Failure, output, run, say } from "../dev/run.mjs";
import { compileTool } from "../dev/rust.mjs";
import { atExit } from "../tests/workerd/harness/cleanup.mjs";

const OHA = { crate: "oha", program: "oha", version: "1.16.0" };
const TARGET = join(root, "target", "bench-upstream");

/** The path of the load tool; it is installed into `.tools/` unless it is there or on PATH in this version. */
export async function installOha() {
  const own = join(root, ".tools", "bin", OHA.program);
  const there = () => [own, OHA.program].find((path) => output(path, ["--version"])?.split(" ").at(-1) === OHA.version);
  if (there() !== undefined) return there();
  say(`Bench: compiling ${OHA.crate} ${OHA.version} (some minutes, once) …`);
  const failure = `${OHA.crate} ${OHA.version} could not be installed: see cargo's message above, and run it again.`;
  await run("cargo", ["install", OHA.crate, "--version", OHA.version, "--locked", "--root", join(root, ".tools")], {
    failure,
  });
  return there();
}

/** Compiles the upstream. */
export async function buildUpstream() {
  const failure = "The benchmark's upstream could not be compiled: see cargo's message above.";
  await compileTool("bench/upstream", TARGET, failure);
}

/**
 * Starts the upstream.
 * @returns {Promise<{ origin: string, stop: () => void }>}
 */
export async function startUpstream() {
  const child = spawn(join(TARGET, "release", "bench-upstream"), { stdio: ["pipe", "pipe", "inherit"] });
  const stop = atExit(() => child.kill());
  const port = await new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new Failure(`The benchmark's upstream does not start: ${error.message}`)));
    createInterface({ input: child.stdout }).once("line", resolve);
  });
  return { origin: `http://127.0.0.1:${port}`, stop };
}
