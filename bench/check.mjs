// Before anything is measured: every worker does the same job. Each gets the same few requests; what arrives at Core,
// what comes back and what is logged must be the same, so that none is fast because it leaves something out.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../dev/run.mjs";
import { request } from "../tests/workerd/harness/http.mjs";
import { reply } from "../tests/workerd/harness/replies.mjs";
import { startUpstream } from "../tests/workerd/harness/upstream.mjs";
import { ANSWER, CALLER, CASES, ID, READER, SECRET } from "./cases.mjs";
import { CORE_KEY, credentialRecord, instanceRecord } from "./records.mjs";
import { BARE, HONO } from "./workers.mjs";

const LOG_MS = 2_000;

/**
 * Compares every worker but the floor with the first of this project's own.
 * @param {object[]} workers started, their output kept
 * @param {import("../tests/workerd/harness/kv.mjs").Kv} kv
 * @throws where one does less, or something else
 */
export async function check(workers, kv) {
  const core = await startUpstream();
  kv.set("CREDENTIALS", `credential/${ID}`, credentialRecord(ID, SECRET, { default_instance: "check" }));
  kv.set("CREDENTIALS", `credential/${READER}`, credentialRecord(READER, SECRET, { scopes: ["proxy:read"] }));
  kv.set("INSTANCES", "instance/check", instanceRecord("check", core.origin.replace("localhost", "127.0.0.1")));
  try {
    const own = workers.find(({ isOurs }) => isOurs);
    const others = workers.filter((worker) => worker !== own && worker.name !== BARE);
    for (const one of CASES) {
      const expected = await observe(own, core, one);
      if (expected.answer.status !== one.status)
        throw new Failure(`${own.name} answers ${one.name} with ${expected.answer.status}.`);
      for (const worker of others) compare(worker, one, await observe(worker, core, one), expected);
    }
  } finally {
    await core.stop();
  }
}

function compare(worker, one, seen, expected) {
  if (worker.name === HONO) {
    // Its proxy helper never sends one, for it could not pass a compressed answer on.
    expected = structuredClone(expected);
    for (const { headers } of expected.arrived) delete headers["accept-encoding"];
  }
  try {
    assert.deepEqual(seen, expected);
  } catch (error) {
    throw new Failure(`${worker.name} does not do the whole job, or another one, for ${one.name}:\n${error.message}`);
  }
}

/** What came of a request, without what differs each time. */
async function observe(worker, core, { name, method = "GET", path, headers, body, answer = ANSWER }) {
  const requestId = `${worker.name}-${name}`.replace(/[^\w.-]/g, "-");
  const before = core.requests.length;
  core.answer(reply(answer));
  const sent = { ...CALLER, "x-request-id": requestId, ...headers };
  const got = await request(worker.origin, `/proxy${path}`, { method, headers: sent, body });
  const arrived = core.requests
    .slice(before)
    .map(({ line, rawHeaders, body: { bytes } }) => ({ line, headers: headersOf(rawHeaders), body: value(bytes) }));
  const { core_ms: coreMs, cache, ...line } = await logLine(worker, requestId);
  const seen = {
    arrived,
    answer: { status: got.status, headers: headersOf(got.rawHeaders), body: withoutWords(value(got.body)) },
    // Where the records came from is only said of what was forwarded.
    line: { ...line, core_ms: typeof coreMs, cache: arrived.length === 0 ? undefined : cache },
    tells: [CORE_KEY, SECRET].some((secret) => JSON.stringify(line).includes(secret)),
  };
  return JSON.parse(
    JSON.stringify(seen)
      .replaceAll(requestId, "*")
      .replace(/ref_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "ref_*"),
  );
}

/** Headers by name. Lengths differ where JSON is written anew. */
function headersOf(rawHeaders) {
  const all = rawHeaders.map(([name, text]) => [name.toLowerCase(), text]);
  return Object.fromEntries(all.filter(([name]) => name !== "content-length").sort());
}

/** Bytes as the value that they are the JSON of, or as text. */
function value(bytes) {
  const text = bytes.toString("utf8");
  try {
    return sorted(JSON.parse(text));
  } catch {
    return text;
  }
}

function sorted(json) {
  if (Array.isArray(json)) return json.map(sorted);
  if (typeof json !== "object" || json === null) return json;
  return Object.fromEntries(
    Object.entries(json)
      .map(([name, inner]) => [name, sorted(inner)])
      .sort(),
  );
}

/** An error without its wording, and without the details that only say where a body is wrong. */
function withoutWords(body) {
  if (body.error_detail === undefined) return body;
  const { code, details } = body.error_detail;
  const { request_id: requestId, outcome, reference, upstream_status: status } = details;
  return { error: typeof body.error, code, requestId, outcome, reference, status };
}

async function logLine({ name, output }, requestId) {
  for (const end = performance.now() + LOG_MS; performance.now() < end; ) {
    const line = output.json().find((one) => one.request_id === requestId);
    if (line !== undefined) return line;
    await sleep(5);
  }
  throw new Failure(`${name} logs no line for request ${requestId}.`);
}
