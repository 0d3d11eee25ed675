/**
 * A Core that keeps books and can be failed on its way: the project's stand-in behind a recording upstream, which loses
 * and holds back what the test says. Look-ups pass as they are; faults are for the other requests.
 */
import assert from "node:assert/strict";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { startCore } from "../../dev/core/server.mjs";
import { balancesIn, rowsBy, send } from "../dev/core-client.mjs";
import { CORE_KEY } from "./harness/admin.mjs";
import { reply } from "./harness/replies.mjs";
import { startUpstream } from "./harness/upstream.mjs";
import { assertError } from "./proxied.mjs";

const LOOK_UP = "POST /transactions/filter";
/** Legs are booked in the order in which they are written, and nothing takes long. */
const CALM = {
  insertDelayMs: 5,
  applyDelayMs: 5,
  retryDelayMs: 50,
  lockWaitMs: 100,
  legOrder: (identifiers) => identifiers,
};
const HOP_BY_HOP = ["connection", "keep-alive", "transfer-encoding", "content-length", "date"];

/** How a request reads in lists. */
const lineOf = ({ method, target }) => `${method} ${target}`;
const isLookUp = (request) => lineOf(request) === LOOK_UP;

/** The requests that an upstream received and that were no look-ups. */
export const sentTo = (upstream) => upstream.requests.filter((request) => !isLookUp(request));

/**
 * @typedef {(exchange: import("./harness/upstream.mjs").Exchange, usual: Usual) => unknown} Fault what happens to a
 *   request
 * @typedef {(how?: {alone?: boolean, signal?: AbortSignal}) => Promise<import("./harness/replies.mjs").Reply>} Usual
 *   lets Core act on the request, and gives its answer; `alone` where Core goes on though its caller has gone, `signal`
 *   to go away
 */

/**
 * Starts a Core with a ledger and three balances in USD.
 * @param {Parameters<typeof startCore>[0]} [options] over `CALM`
 */
export async function startLedger(options = {}) {
  const core = await startCore({ ...CALM, key: CORE_KEY, ...options });
  const balances = await balancesIn(core, "USD", "USD", "USD");
  /** @type {Fault[]} */
  const faults = [];
  const ledger = {
    /** The stand-in: its switches and locks. */
    core,
    /** The ids of the three balances. */
    balances,
    /** What happens to the next requests that are no look-ups, one each. */
    next: (...more) => faults.push(...more),
    /** @type {Fault | null} what happens to look-ups */
    onLookUp: null,
    /** The reply for `startUpstream`. */
    answer: async (exchange) => {
      await exchange.body();
      const usual = (how) => forward(core, exchange, how);
      const fault = isLookUp(exchange.request) ? ledger.onLookUp : faults.shift();
      return fault ? fault(exchange, usual) : (await usual())(exchange);
    },
    /** Asks or tells Core itself, past the proxy. */
    direct: (method, path, body) => send(core, method, path, body),
    /** The rows of these references, as `reference STATUS`, in order. */
    rows: async (...references) =>
      (await rowsBy(core, "reference", ...references)).map((row) => `${row.reference} ${row.status}`).sort(),
    /** The references of all rows that moved or hold money, in order. */
    async booked() {
      const filters = [{ field: "status", operator: "in", values: ["APPLIED", "INFLIGHT", "VOID"] }];
      const { json } = await send(core, "POST", "/transactions/filter", { filters, limit: 100 });
      return json.map((row) => row.reference).sort();
    },
    /** What the balances hold, in units. */
    figures: () => Promise.all(balances.map(async (id) => (await send(core, "GET", `/balances/${id}`)).json.balance)),
    stop: () => core.close(),
  };
  return ledger;
}

/**
 * A Core of a test's own behind a worker that others use too: an instance of its own.
 * @param {Awaited<ReturnType<import("./proxied.mjs").startProxy>>} proxy
 * @param {import("node:test").TestContext} t ends it
 * @param {{instance?: object, core?: Parameters<typeof startLedger>[0]}} [options]
 */
export async function openLedger(proxy, t, { instance: fields, core: options } = {}) {
  const ledger = await startLedger(options);
  const upstream = await startUpstream(ledger.answer);
  t.after(() => Promise.all([upstream.stop(), ledger.stop()]));
  const instance = await proxy.adminApi.instance({ base_url: upstream.origin, ...fields });
  const send = (key, method, path, body, { headers, ...init } = {}) =>
    proxy.call(method, path, { instance: instance.id, ...init, body, headers: { "Idempotency-Key": key, ...headers } });
  return Object.assign(ledger, {
    upstream,
    instance,
    /** An Idempotency-Key that no other test uses. */
    key: `key of ${instance.id}`,
    send,
    create: (key, body, init) => send(key, "POST", "/transactions", body, init),
    bulk: (key, body, init) => send(key, "POST", "/transactions/bulk", body, init),
    refund: (key, id, body = { skip_queue: true }) => send(key, "POST", `/refund-transaction/${id}`, body),
    settle: (key, id, body) => send(key, "PUT", `/transactions/inflight/${id}`, body),
    /** Asks what became of a key. */
    ask: (key, { token = proxy.key.key, ...init } = {}) =>
      proxy.worker.fetch(`/idempotency/${encodeURIComponent(key)}`, {
        ...init,
        headers: { authorization: `Bearer ${token}`, ...init.headers },
      }),
    /** What Core was sent that was no look-up. */
    sent: () => sentTo(upstream).map(lineOf),
    /** The bodies of these requests, as they arrived. */
    bodies: () => sentTo(upstream).map(({ body }) => body.bytes.toString()),
  });
}

/** A transaction in which nothing is missing, but for its reference. */
export function payment(destination, fields) {
  return {
    amount: 10,
    precision: 100,
    currency: "USD",
    source: "@world",
    destination,
    description: "order 17",
    allow_overdraft: true,
    ...fields,
  };
}

/** A transaction of 10.00 that goes to several balances, the first of which gets 40 %, and the last what is left. */
export function legs(balances, fields) {
  const last = balances.length - 1;
  const destinations = balances.map((identifier, at) => ({
    identifier,
    distribution: at === last ? "left" : at === 0 ? "40%" : "20%",
  }));
  return payment(undefined, { destinations, ...fields });
}

/** An error as Core gives it. */
export function failure(status, code) {
  return reply({ status, body: { error: code, error_detail: { code, message: code, details: {} } } });
}

/** Core acts, and its answer is lost. */
export async function loseAnswer(exchange, usual) {
  await usual();
  exchange.reset();
}

/** The request is lost: Core does not act. */
export const loseRequest = (exchange) => exchange.reset();

/** Core acts, and says nothing for as long as the caller waits. */
export async function actAndHang(exchange, usual) {
  await usual();
  await exchange.closed;
}

/** Core acts at its own pace, whether its caller waits or not. */
export const actAlone = async (exchange, usual) => (await usual({ alone: true }))(exchange);

/** Core answers something else, and does not act. */
export const instead = (then) => (exchange) => then(exchange);

/** Core acts, and another answer comes. */
export const actThen = (then) => async (exchange, usual) => {
  await usual();
  return then(exchange);
};

/** The connection breaks before part `at` of the request is booked: Core leaves it there. */
export const cutBefore = (core, at) => async (exchange, usual) => {
  const cut = new AbortController();
  core.beforeBooking = async (_row, index) => {
    if (index !== at) return;
    core.beforeBooking = undefined;
    exchange.reset();
    cut.abort();
    // Until Core has noticed.
    await sleep(100);
  };
  await usual({ signal: cut.signal });
};

/** Asserts that a retry tells what stands, and gives the details. */
export function assertPartial(answer, total, booked) {
  const details = assertError(answer, 409, "PROXY_IDEMPOTENCY_PARTIAL");
  assert.deepEqual(
    [details.outcome, details.total, details.booked_count, details.missing_count],
    ["partial", total, booked, total - booked],
  );
  assert.deepEqual([details.booked.length, details.missing.length], [booked, total - booked]);
  assert.match(answer.json().error, new RegExp(`${booked} of ${total} parts stand at Core, and it is not sent again`));
  assert.equal(answer.headers.get("idempotent-replayed"), null);
  return details;
}

/** Lets Core act on a request: its answer, or none where the caller, or the test, has gone away before. */
async function forward(core, exchange, { alone = false, signal } = {}) {
  const gone = new AbortController();
  signal?.addEventListener("abort", () => gone.abort());
  const stopWatching = alone ? () => {} : watch(exchange, () => gone.abort());
  const { method, target, rawHeaders } = exchange.request;
  const { bytes } = await exchange.body();
  if (bytes === null) throw new Error("the upstream keeps no body above 1 MiB");
  const { hostname, port } = new URL(core.url);
  const options = {
    hostname,
    port,
    method,
    path: target,
    headers: rawHeaders.flat(),
    agent: false,
    signal: gone.signal,
  };
  try {
    const { status, headers, body } = await new Promise((resolve, reject) => {
      const call = request(options, async (response) => {
        const chunks = [];
        try {
          for await (const chunk of response) chunks.push(chunk);
        } catch (error) {
          reject(error);
        }
        resolve({
          status: response.statusCode,
          headers: Object.entries(response.headers),
          body: Buffer.concat(chunks),
        });
      });
      call.on("error", reject).end(bytes);
    });
    return reply({ status, headers: headers.filter(([name]) => !HOP_BY_HOP.includes(name)), body });
  } catch (error) {
    if (!gone.signal.aborted && !exchange.socket.destroyed) throw error;
    return () => {};
  } finally {
    stopWatching();
  }
}

/** Calls back when the caller hangs up; gives what ends that. */
function watch({ socket }, then) {
  // Half a close shows only to who reads, and nothing else is to be read while an answer is waited for.
  const read = () => {
    const more = socket.read();
    if (more !== null) socket.unshift(more);
  };
  socket.once("readable", read).once("end", then).once("close", then);
  return () => socket.off("readable", read).off("end", then).off("close", then);
}
