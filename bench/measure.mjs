// Rounds: in each, every worker does every work once, so that what disturbs the machine disturbs them alike.
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "../tests/workerd/harness/http.mjs";
import { cpuBetween, cpuOf, memoryOf, peakMemory, resetPeakMemory } from "./cpu.mjs";
import { load } from "./load.mjs";
import { BARE, startWorker } from "./workers.mjs";

// Enough for the optimising compiler to have done its work on the request path.
const WARM_UP_SECONDS = 2;
const PROBE_REQUESTS = 40;
// A worker finishes its log lines a moment after the last answer.
const SETTLE_MS = 50;

/**
 * @typedef {object} Sample CPU in microseconds a request, latencies in milliseconds, the peak of memory over what was
 *   held before in bytes
 * @property {number} cpu
 * @property {number} user
 * @property {number} system
 * @property {number} perSecond
 * @property {number} p50
 * @property {number} p99
 * @property {number} peak
 */

/**
 * How many requests each worker gets in a slot, so that a slot lasts about as long as asked for. Warms the workers up.
 * @param {object} bench what the rounds run on: `oha`, `workers` (started), `works`, `seconds` a slot
 * @returns {Promise<Map<string, number>>} by work and worker
 */
export async function calibrate({ oha, workers, works, seconds }, report) {
  const counts = new Map();
  for (const work of works) {
    for (const worker of workersFor(work, workers)) {
      report(`warming up: ${work.title}, ${worker.name}`);
      const atLeast = work.connections * 2;
      const probe = await load(
        oha,
        worker.origin,
        work,
        Math.max(atLeast, work.bodyBytes > 1e6 ? atLeast : PROBE_REQUESTS),
      );
      const warm = await load(
        oha,
        worker.origin,
        work,
        Math.max(atLeast, Math.round(probe.perSecond * WARM_UP_SECONDS)),
      );
      counts.set(slot(work, worker), Math.max(atLeast, Math.round(warm.perSecond * seconds)));
    }
  }
  return counts;
}

/**
 * One round.
 * @returns {Promise<Record<string, Record<string, Sample>>>} by work, then by worker
 */
export async function round(bench, counts, number, report) {
  const samples = {};
  for (const work of bench.works) {
    const row = {};
    samples[work.name] = row;
    for (const worker of rotated(workersFor(work, bench.workers), number)) {
      report(`round ${number + 1}: ${work.title}, ${worker.name}`);
      row[worker.name] = await sample(bench.oha, worker, work, counts.get(slot(work, worker)));
    }
  }
  return samples;
}

async function sample(oha, worker, work, count) {
  resetPeakMemory(worker.pid);
  const held = memoryOf(worker.pid);
  const before = cpuOf(worker.pid);
  const { perSecond, p50, p99 } = await load(oha, worker.origin, work, count);
  await sleep(SETTLE_MS);
  const { total, user, system } = cpuBetween(before, cpuOf(worker.pid));
  const peak = peakMemory(worker.pid) - held;
  return { cpu: total / count, user: user / count, system: system / count, perSecond, p50, p99, peak };
}

/**
 * Cold starts: a fresh process of each worker, up to its first answer to `work`.
 * @returns {Promise<Record<string, { total: number, answer: number, cpu: number }>>} by worker: milliseconds from the
 *   start of the process and from when it listens, each to the end of the first answer; CPU milliseconds of it all
 */
export async function coldStarts(prepared, surroundings, work, number) {
  const samples = {};
  for (const worker of rotated(prepared, number)) {
    const started = performance.now();
    const running = await startWorker(worker, surroundings);
    running.output.keep(false);
    const listening = performance.now();
    const { status } = await request(running.origin, work.path, { headers: work.headers });
    const answered = performance.now();
    if (status !== work.status) throw new Error(`the first answer of ${worker.name} had status ${status}`);
    samples[worker.name] = {
      total: answered - started,
      answer: answered - listening,
      cpu: cpuOf(running.pid).total / 1_000,
    };
    await running.process.kill();
  }
  return samples;
}

function workersFor(work, workers) {
  return workers.filter(({ name, isOurs }) => (work.refused ? name !== BARE : !work.own || isOurs || name === BARE));
}

function slot(work, worker) {
  return `${work.name} ${worker.name}`;
}

/** Another worker begins each round, so that none always runs after the same one. */
function rotated(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}
