// `npm start`: the proxy on this machine, in front of the stand-in Core or, with CORE_URL and CORE_KEY, of a real one.
import { randomBytes } from "node:crypto";
import { build } from "./build.mjs";
import { startCore } from "./core/server.mjs";
import { FILES, localSecrets, register } from "./local.mjs";
import { portFrom } from "./ports.mjs";
import { Failure, main, say, STOP_SIGNALS } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { oauthWalkthrough, walkthrough } from "./walkthrough.mjs";
import { startWrangler } from "./wrangler.mjs";

await main(import.meta.url, async () => {
  const realCore = coreFromEnvironment();
  const port = await portFrom("PORT", 8787);
  const inspectorPort = await portFrom("INSPECTOR_PORT");
  const corePort = realCore === undefined ? await portFrom("CORE_PORT") : undefined;
  await setUp();
  await build();

  const stopped = stopSignal();
  localSecrets();
  const core =
    realCore ?? (await startCore({ port: corePort, host: "127.0.0.1", key: randomBytes(16).toString("hex") }));
  say("Start: starting workerd …");
  const worker = startWrangler({ port, inspectorPort, ...FILES });
  try {
    await Promise.race([present(worker, core), stopped]);
    await Promise.race([unexpectedEnd(worker), stopped]);
    say("\nStart: stopping …");
  } catch (error) {
    worker.showOutput({ past: true });
    throw error;
  } finally {
    await worker.stop();
    await core.close?.();
  }
});

/** The Core that the environment names, or `undefined` for the stand-in. */
function coreFromEnvironment() {
  const { CORE_URL: url, CORE_KEY: key } = process.env;
  if (!url && !key) return undefined;
  if (!url || !key)
    throw new Failure("A real Core needs both: CORE_URL=http://127.0.0.1:5001 CORE_KEY=<its secret key> npm start.");
  return { url, key };
}

/** Resolves when the command is asked to stop. */
function stopSignal() {
  const parent = process.ppid;
  return new Promise((resolve) => {
    for (const signal of STOP_SIGNALS) process.on(signal, () => resolve());
    // npm hands a signal to the shell between it and this process, and no further.
    const orphaned = () => process.ppid !== parent && resolve();
    if (process.env.npm_lifecycle_event !== undefined) setInterval(orphaned, 250).unref();
  });
}

/** Registers Core with the worker and prints what can be done now. */
async function present(worker, core) {
  await worker.ready;
  const { instance, key, client, problems } = await register(worker.origin, core);
  for (const problem of problems) say(`Start: a problem with Core: ${problem}`);
  say(`\nThe proxy is at ${worker.origin}/proxy, in front of Core at ${core.url}.`);
  say(
    `Its admin token is in ${FILES.secrets}. Paste these lines into another terminal; Ctrl-C here stops everything.\n`,
  );
  say(`${walkthrough({ origin: worker.origin, instance, key })}\n`);
  say(`${oauthWalkthrough({ origin: worker.origin, instance, client })}\n`);
  worker.showOutput({ past: false });
}

async function unexpectedEnd(worker) {
  await worker.exited;
  throw new Failure("workerd ended by itself: see wrangler's message above.");
}
