// `wrangler dev` as a child that leaves nothing behind.
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { node, root } from "./project.mjs";
import { Failure } from "./run.mjs";

/**
 * Starts the worker on a local workerd.
 * @param {{ port: number, inspectorPort: number, secrets: string, state: string }} options `secrets` is a file in the
 *   format of .dev.vars, `state` the folder that keeps KV and Durable Objects.
 * @returns {{ origin: string, ready: Promise<void>, exited: Promise<void>,
 *   showOutput(options: { past: boolean }): void, stop(): Promise<void> }} `ready` settles when the worker answers, or
 *   fails when it will not.
 */
export function startWrangler({ port, inspectorPort, secrets, state }) {
  const args = [
    "--ip",
    "127.0.0.1",
    "--port",
    `${port}`,
    "--inspector-port",
    `${inspectorPort}`,
    "--env-file",
    secrets,
  ];
  args.push("--persist-to", state, "--var", "ALLOW_INSECURE_CORE:true", "--show-interactive-dev-session=false");
  const child = spawn(node(), [`${root}node_modules/wrangler/bin/wrangler.js`, "dev", ...args], {
    // A group of its own, so that wrangler, its workerd and whatever it builds with can be ended together.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...QUIET },
  });
  process.once("exit", () => signalGroup(child.pid, "SIGKILL"));
  const origin = `http://127.0.0.1:${port}`;
  const exited = new Promise((resolve) => child.once("close", () => resolve()).once("error", () => resolve()));
  return {
    origin,
    exited,
    ready: answering(origin, exited),
    showOutput: holdOutput(child),
    stop: () => endGroup(child.pid),
  };
}

// Neither asks the network for what a local run does not need, nor writes logs outside the project.
const QUIET = {
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_LOG_PATH: ".wrangler/logs",
};

/**
 * Keeps what a child prints, until the function that is returned is called: what was kept is printed or dropped, and
 * what follows goes to the terminal.
 */
function holdOutput(child) {
  let kept = [];
  const keep = (chunk) => (kept === undefined ? process.stdout.write(chunk) : kept.push(chunk));
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  return ({ past }) => {
    for (const chunk of past ? (kept ?? []) : []) process.stdout.write(chunk);
    kept = undefined;
  };
}

async function answering(origin, exited) {
  const deadline = Date.now() + 60_000;
  let ended = false;
  exited.then(() => (ended = true));
  while (Date.now() < deadline && !ended) {
    if (
      await fetch(origin, { signal: AbortSignal.timeout(5_000) }).then(
        () => true,
        () => false,
      )
    )
      return;
    await sleep(200);
  }
  throw new Failure(`The worker did not ${ended ? "start" : "answer within a minute"}: see wrangler's message above.`);
}

/** Ends a process group, and returns when none of it is left. */
async function endGroup(pid) {
  for (const [signal, patience] of [
    ["SIGTERM", 5_000],
    ["SIGKILL", 2_000],
  ]) {
    const deadline = Date.now() + patience;
    let alive = signalGroup(pid, signal);
    while (alive && Date.now() < deadline) {
      await sleep(50);
      alive = signalGroup(pid, 0);
    }
    if (!alive) return;
  }
}

/** Sends a signal to a process group; false when it is gone. */
function signalGroup(pid, signal) {
  try {
    return pid !== undefined && process.kill(-pid, signal);
  } catch {
    return false;
  }
}
