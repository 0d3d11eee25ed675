// `npm run bench`: what a request costs, compared with a bare pass-through and with the same job written by hand.
//
//   npm run bench                              all works
//   npm run bench -- --rounds 7 --seconds 0.2  shorter, and noisier
//   npm run bench -- --only get,enriched       some works (their names are in works.mjs; `cold` for the cold starts)
//   npm run bench -- --build before=/a/folder  another build of the worker beside this one; may be repeated
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "../dev/build.mjs";
import { read, root } from "../dev/project.mjs";
import { Failure, main, say } from "../dev/run.mjs";
import { setUp } from "../dev/setup.mjs";
import { removeAtExit } from "../tests/workerd/harness/cleanup.mjs";
import { startKv } from "../tests/workerd/harness/kv.mjs";
import { check } from "./check.mjs";
import { calibrate, coldStarts, round } from "./measure.mjs";
import { figureTable, otherRatios, ratioTable } from "./report.mjs";
import { buildUpstream, installOha, startUpstream } from "./setup.mjs";
import { OWN, prepareWorkers, startWorker } from "./workers.mjs";
import { publish, works as allWorks } from "./works.mjs";

// Many short rounds say more than few long ones: a disturbance spoils a round, and the median leaves it out.
const ROUNDS = 21;
const SLOT_SECONDS = 0.3;
const COLD = "cold";
const RESULTS = join(root, "bench", "results");

await main(import.meta.url, async () => {
  if (process.platform !== "linux")
    throw new Failure("The benchmark reads CPU times from /proc, which only Linux has.");
  const options = optionsFrom(process.argv.slice(2));
  await setUp();
  if (options.builds[OWN] === undefined) await build();
  await buildUpstream();
  const result = await bench(await installOha(), {
    ...options,
    builds: { [OWN]: join(root, "build"), ...options.builds },
  });
  for (const table of [ratioTable(result), otherRatios(result), figureTable(result)])
    if (table !== "") say(`\n${table}`);
  say("\nRatios are medians of the rounds' own ratios, with their quartiles.");
  mkdirSync(RESULTS, { recursive: true });
  const file = join(RESULTS, `${result.at.replaceAll(":", "-")}.json`);
  writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
  say(`Every figure is in ${file}`);
});

async function bench(oha, { rounds, seconds, only, builds }) {
  const folder = mkdtempSync(join(tmpdir(), "blnk-edge-bench-"));
  removeAtExit(folder);
  const [first, ...others] = allWorks(folder);
  const works = selected([first, ...others], only);
  const prepared = await prepareWorkers(folder, builds);
  const kv = await startKv();
  const upstream = await startUpstream();
  const workers = [];
  try {
    publish(kv, upstream.origin);
    const surroundings = { kvAddress: kv.address, coreUrl: upstream.origin };
    for (const worker of prepared) workers.push(await startWorker(worker, surroundings));
    say("Bench: checking that all workers do the same job …");
    await check(workers, kv);
    for (const { output } of workers) output.keep(false);
    const names = workers.map(({ name }) => name);
    const result = {
      at: new Date().toISOString(),
      machine: machine(),
      works,
      workers: names,
      rounds: [],
      coldStarts: [],
    };
    // What large bodies leave behind is collected in the slots that follow: small requests come first, among
    // themselves.
    for (const group of [works.filter((work) => !work.large), works.filter((work) => work.large)]) {
      if (group.length === 0) continue;
      const running = { oha, workers, works: group, seconds };
      const counts = await calibrate(running, progress);
      for (let number = 0; number < rounds; number += 1) {
        result.rounds[number] = { ...result.rounds[number], ...(await round(running, counts, number, progress)) };
        kv.forget();
      }
    }
    // Gone, so that they hold no memory and no processor caches.
    await stopAll(workers);
    const coldRounds = only === undefined || only.includes(COLD) ? rounds : 0;
    for (let number = 0; number < coldRounds; number += 1) {
      progress(`cold start ${number + 1}`);
      result.coldStarts.push(await coldStarts(prepared, surroundings, first, number));
    }
    progress("");
    return result;
  } finally {
    await stopAll(workers);
    upstream.stop();
    await kv.stop();
  }
}

function selected(works, only) {
  const names = [...works.map(({ name }) => name), COLD];
  const unknown = only?.filter((name) => !names.includes(name)) ?? [];
  if (unknown.length > 0)
    throw new Failure(`There is no work named ${unknown.join(", ")}; there are ${names.join(", ")}.`);
  return works.filter(({ name }) => only === undefined || only.includes(name));
}

function stopAll(workers) {
  return Promise.all(workers.map((worker) => worker.process.end()));
}

function optionsFrom(args) {
  try {
    return parsed(args);
  } catch (error) {
    throw new Failure(error.message);
  }
}

function parsed(args) {
  const strings = { type: "string" };
  const { values } = parseArgs({
    args,
    options: { rounds: strings, seconds: strings, only: strings, build: { ...strings, multiple: true } },
  });
  const builds = Object.fromEntries((values.build ?? []).map((text) => text.split("=")));
  return {
    rounds: Number(values.rounds ?? ROUNDS),
    seconds: Number(values.seconds ?? SLOT_SECONDS),
    only: values.only?.split(","),
    builds,
  };
}

/** What the figures depend on; nothing that names the machine. */
function machine() {
  const { devDependencies } = JSON.parse(read("package.json"));
  return {
    processor: cpus()[0]?.model,
    processors: cpus().length,
    memory: totalmem(),
    kernel: release(),
    node: process.version,
    workerd: devDependencies.workerd,
  };
}

function progress(text) {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${text}`);
}
