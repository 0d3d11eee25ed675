// `npm run soak`: minutes of mixed load on the built worker, good and bad, with its memory sampled. Ends with 1 when an
// answer was not the expected one, or when the memory grew from the third minute, when everything is warm, to the last.
// Half of the time a greedy tenant is there too, and what the others wait for with and without it is told.
//
//   npm run soak -- --minutes 5 --lanes 16
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";

import { openStage } from "../tests/workerd/faults/stage.mjs";
import { connect } from "../tests/workerd/harness/http.mjs";
import { hang, reply, resetAfter } from "../tests/workerd/harness/replies.mjs";

const { values: options } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    lanes: { type: "string", default: "16" },
    build: { type: "string" },
  },
});
const MINUTES = Number(options.minutes);
const LANES = Number(options.lanes);
const SAMPLE_MS = 5_000;
/** How much larger the last minute's median may be than the third's. */
const GROWTH = 1.1;
/** For how long the greedy tenant stays away, and then is there. */
const TURN_MS = 10_000;
/** Whose waiting is told: what is answered at once. */
const MEASURED = new Set(["read", "create"]);

const stage = await openStage({ worker: { build: options.build } });
stage.core.answer(core());
const MIX = mix();
const greedy = await greedyTenant();
/** How long the honest ones waited, without the greedy tenant and with it. */
const waited = { without: [], with: [] };
let phase = "without";
const counts = new Map();
const unexpected = new Map();
const samples = [];
const started = performance.now();
const end = started + MINUTES * 60_000;

console.log(`${MINUTES} minutes of mixed load in ${LANES} lanes; memory every ${SAMPLE_MS / 1_000} s.`);
console.log("seconds | requests/s | RSS MB");
await Promise.all([sample(), beGreedy(), ...Array.from({ length: LANES }, lane)]);
const healthy = (await stage.send("create")).status === 200;
const peak = stage.worker.peakRss();
await stage.close();
process.exitCode = report() ? 0 : 1;

/** What is sent: its share, how, and the statuses that are right. */
function mix() {
  const call = (path, fields) => () => stage.call(path, fields);
  const upload = Buffer.alloc(1_000_000, "x");
  const bulk = { transactions: Array.from({ length: 100 }, (_, n) => ({ amount: n, currency: "USD" })) };
  const write = (body) => ({ method: "POST", body });
  return [
    [45, "read", () => stage.send("read"), [200]],
    [25, "create", () => stage.send("create"), [200]],
    [4, "bulk of 100", call("/transactions/bulk", write(bulk)), [200]],
    [2, "create of 1 MB", call("/transactions", write({ description: "y".repeat(1_000_000) })), [200]],
    [3, "upload of 1 MB", call("/reconciliation/upload", write(upload)), [200]],
    [2, "long answer", call("/ledgers?size=1000000"), [200]],
    [3, "wrong token", () => stage.send("create", { key: "blnk_nobody" }), [401]],
    [
      3,
      "unknown instance",
      () => stage.send("read", { instance: `unknown_${Math.floor(Math.random() * 1e6)}` }),
      [404],
    ],
    [2, "malformed body", call("/transactions", write("{")), [400]],
    [2, "operator route", call("/hooks"), [404]],
    [2, "Core resets", call("/transactions?fault=reset", write({ amount: 1 })), [502]],
    [2, "Core's answer is cut", call("/ledgers?fault=cut"), [200]],
    [1, "not Core", call("/ledgers?fault=html"), [502]],
    [1, "silence", call("/transactions?fault=hang", write({ amount: 1 })), [504]],
    [1, "hang-up", hangUp, [0]],
    [2, "health", () => stage.worker.fetch("/healthz"), [200]],
  ];
}

/** What Core does, as the query asks. */
function core() {
  const fine = reply({ body: { fine: true } });
  const long = reply({ body: Buffer.alloc(1_000_000, "z") });
  const faults = {
    reset: resetAfter(),
    cut: resetAfter("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
    html: reply({ status: 503, headers: { "Content-Type": "text/html" }, body: "<html>" }),
    hang: hang(),
  };
  return (exchange) => {
    const query = new URLSearchParams(exchange.request.target.split("?")[1]);
    if (query.has("size")) return long(exchange);
    return (faults[query.get("fault")] ?? fine)(exchange);
  };
}

/** A caller who leaves while Core works. */
async function hangUp() {
  const connection = await connect(stage.worker.origin);
  const body = '{"amount":1}';
  await connection.write(
    `POST ${stage.path("/transactions")} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer ${stage.key.key}\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
  connection.reset();
  return { status: 0 };
}

async function lane() {
  const total = MIX.reduce((sum, [share]) => sum + share, 0);
  while (performance.now() < end) {
    let dice = Math.random() * total;
    const fallen = MIX.find(([share]) => {
      dice -= share;
      return dice < 0;
    });
    const [, name, send, right] = fallen ?? MIX[0];
    const [began, before] = [performance.now(), phase];
    const status = await send().then(
      (answer) => answer.status,
      (error) => error.message,
    );
    if (MEASURED.has(name) && phase === before) waited[phase].push(performance.now() - began);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (!right.includes(status)) unexpected.set(`${name}: ${status}`, (unexpected.get(`${name}: ${status}`) ?? 0) + 1);
  }
}

/**
 * A tenant of its own: sockets that send next to nothing, the largest bodies, forms where none belong, and a Core that
 * hangs.
 */
async function greedyTenant() {
  const instance = await stage.addInstance({ base_url: stage.core.origin, workspace: "greedy" });
  const { key } = await stage.adminApi.apiKey({ workspace: "greedy" });
  const who = { instance: instance.id, key };
  const large = { ...who, method: "POST", body: Buffer.from(JSON.stringify({ description: "y".repeat(5_000_000) })) };
  const form = {
    ...who,
    method: "POST",
    headers: { "content-type": "multipart/form-data" },
    body: Buffer.alloc(1_000_000, " "),
  };
  return {
    sends: [
      () => stage.call("/transactions", large),
      () => stage.call("/ledgers?fault=hang", who),
      () => stage.call("/transactions/filter", form),
    ],
    async idle() {
      const connection = await connect(stage.worker.origin);
      await connection.write(
        `POST ${stage.path("/transactions", instance.id)} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer ${key}\r\n` +
          "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
      );
      return connection;
    },
  };
}

/** Comes and goes; whatever it is answered is right. */
async function beGreedy() {
  while (performance.now() + TURN_MS < end) {
    await sleep(TURN_MS);
    phase = "with";
    const until = Math.min(performance.now() + TURN_MS, end);
    const idle = await Promise.all(Array.from({ length: 200 }, () => greedy.idle()));
    const take = async (_, index) => {
      const send = greedy.sends[index % greedy.sends.length];
      // With a pause, or this process alone would be what the others wait for.
      while (performance.now() < until)
        await send()
          .catch(() => {})
          .then(() => sleep(50));
    };
    await Promise.all(Array.from({ length: 6 }, take));
    for (const connection of idle) connection.close();
    phase = "without";
  }
}

async function sample() {
  let before = 0;
  while (performance.now() < end) {
    await sleep(Math.min(SAMPLE_MS, Math.max(end - performance.now(), 1)));
    const seconds = (performance.now() - started) / 1_000;
    const done = sum(counts);
    samples.push({ seconds, rss: stage.worker.rss() });
    if (samples.length % 6 === 0)
      console.log(`${seconds.toFixed(0)} | ${((done - before) / 30).toFixed(0)} | ${megabytes(samples.at(-1).rss)}`);
    if (samples.length % 6 === 0) before = done;
    // What the stand-ins note would fill this process' own memory.
    stage.core.clear();
    stage.worker.kv.forget();
    stage.worker.logs.length = 0;
  }
}

/** Prints what came of it; whether all of it was well. */
function report() {
  const minute = (from) =>
    samples.filter(({ seconds }) => seconds > from && seconds <= from + 60).map(({ rss }) => rss);
  const early = median(MINUTES > 3 ? minute(120) : samples.slice(0, 3).map(({ rss }) => rss));
  const late = median(MINUTES > 3 ? minute(MINUTES * 60 - 60) : samples.slice(-3).map(({ rss }) => rss));
  console.log("\nrequests by kind:");
  for (const [name, count] of counts) console.log(`  ${name}: ${count}`);
  console.log(`requests in all: ${sum(counts)}, ${(sum(counts) / (MINUTES * 60)).toFixed(0)} a second`);
  for (const [when, took] of Object.entries(waited)) {
    const of = (share) => quantile(took, share).toFixed(1);
    console.log(
      `reads and creates ${when} the greedy tenant: ${took.length}, median ${of(0.5)} ms, p99 ${of(0.99)} ms`,
    );
  }
  console.log(
    `RSS: early median ${megabytes(early)} MB, late median ${megabytes(late)} MB, peak ${megabytes(peak)} MB`,
  );
  console.log(`unexpected answers: ${sum(unexpected)}`);
  for (const [what, count] of unexpected) console.log(`  ${what}: ${count}`);
  const steady = late <= early * GROWTH;
  if (!steady) console.log(`the memory grew by more than ${Math.round((GROWTH - 1) * 100)} %`);
  if (!healthy) console.log("the worker no longer serves");
  return steady && healthy && unexpected.size === 0;
}

function sum(map) {
  return [...map.values()].reduce((total, count) => total + count, 0);
}

function median(values) {
  return quantile(values, 0.5);
}

function quantile(values, share) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(0);
}
