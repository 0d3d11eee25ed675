// Money is conserved: whatever is posted, all balances of a currency add up to zero, and each is what its history says.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { distribute, fromUnits, plainDecimal, toUnits } from "../../dev/core/money.mjs";
import { balancesIn, coreFor, send, units } from "./core-client.mjs";

const POSTINGS = 300;
const FIGURES = [
  "balance",
  "credit_balance",
  "debit_balance",
  "inflight_balance",
  "inflight_credit_balance",
  "inflight_debit_balance",
];

test("over random postings all balances add up to zero and each equals its history", async (t) => {
  const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
  t.diagnostic(`SEED=${seed}`);
  const core = await coreFor(t, { insertDelayMs: 1, applyDelayMs: 2 });
  const random = generator(seed);
  const balances = await balancesIn(core, "USD", "USD", "USD", "USD");
  const seen = { statuses: new Set(), ids: [], applied: [] };
  for (let i = 0; i < POSTINGS; i += 1) {
    await post(core, random, balances, seen, `r${i}`);
    if (i % 60 === 59) await check(core, seed);
  }
  await check(core, seed);
  // The generator must reach all of these, or the test proves less than it says.
  for (const status of [200, 201, 400, 409]) assert.ok(seen.statuses.has(status), `no ${status} with SEED=${seed}`);
});

test("a unit too large for a double is posted and read back whole", async (t) => {
  const core = await coreFor(t);
  const [balance] = await balancesIn(core, "USD");
  const body = `{"precise_amount":123456789012345678901234567891,"precision":100,"currency":"USD",
    "source":"@world","destination":"${balance}","description":"d","reference":"big",
    "allow_overdraft":true,"skip_queue":true}`;
  const created = await send(core, "POST", "/transactions", body);
  assert.equal(units(created.text, "precise_amount"), 123456789012345678901234567891n);
  const read = await send(core, "GET", `/balances/${balance}`);
  assert.equal(units(read.text, "balance"), 123456789012345678901234567891n);
});

test("an amount times its precision is rounded half away from zero, on its decimal digits", () => {
  const cases = [
    [100.5, 1, 101n],
    [12.5, 1, 13n],
    [-12.5, 1, -13n],
    [0.49, 1, 0n],
    [1.005, 100, 101n],
    [0.1, 1e18, 10n ** 17n],
    [1e21, 3, 3n * 10n ** 21n],
  ];
  for (const [amount, precision, expected] of cases)
    assert.equal(toUnits(amount, precision), expected, `${amount} x ${precision}`);
});

test("units over precision are written as decimals, cut after sixteen digits", () => {
  assert.equal(fromUnits(12345678901234567890123n, 100), "123456789012345678901.23");
  assert.equal(fromUnits(100n, 3), "33.3333333333333333");
  assert.equal(fromUnits(-5n, 100), "-0.05");
  assert.equal(plainDecimal(1e-7), "0.0000001");
});

test("the legs of a transaction add up to its total, whatever the shares", () => {
  const legs = (...shares) =>
    shares.map((distribution, i) => ({ identifier: `b${i}`, distribution, precise_distribution: "" }));
  assert.deepEqual([...distribute(9000n, legs("60%", "left"), 100).values()], [5400n, 3600n]);
  assert.deepEqual([...distribute(1000n, legs("2.5", "10%", "left"), 100).values()], [250n, 100n, 650n]);
  // 6.66 and 3.34 units: both are cut, and the larger gets the unit that is over.
  assert.deepEqual([...distribute(10n, legs("66.6%", "left"), 1).values()], [7n, 3n]);
  assert.deepEqual([...distribute(2n, legs("40%", "40%", "20%"), 1).values()], [0n, 0n, 0n]);
  for (const total of [7n, 100n, 101n, 10n ** 30n + 1n]) {
    const parts = distribute(total, legs("33.3%", "33.3%", "33.4%"), 100);
    assert.equal(
      [...parts.values()].reduce((sum, part) => sum + part, 0n),
      total,
    );
  }
  assert.throws(() => distribute(100n, legs("60%", "60%"), 100), /exceed 100%/);
  assert.throws(() => distribute(100n, legs("2", "left"), 100), /exceeds remaining/);
});

/** One random request: a transaction of any kind, or something done to an earlier one. */
async function post(core, random, balances, seen, reference) {
  const account = () => random.pick([...balances, "@world", "@fees"]);
  const id = random.pick(seen.ids);
  const applied = random.pick(seen.applied);
  const kind = random.pick(["one", "one", "one", "several", "bulk", "settle", "settle", "refund"]);
  const single = () => ({
    currency: "USD",
    description: "d",
    precision: random.pick([100, 100, 1, undefined]),
    reference: random.pick([reference, reference, reference, "r1"]),
    source: account(),
    destination: account(),
    skip_queue: random.chance(0.6),
    inflight: random.chance(0.3),
    allow_overdraft: random.chance(0.6),
    ...random.pick([{ amount: random.int(1, 500_000) / 100 }, { precise_amount: random.int(1, 2 ** 40) }]),
  });
  const requests = {
    one: () => ["POST", "/transactions", single()],
    several: () => [
      "POST",
      "/transactions",
      { ...single(), destination: undefined, source: "@world", destinations: shares(balances, random) },
    ],
    bulk: () => {
      const transactions = [0, 1, 2].map((n) => ({ ...single(), reference: `${reference}b${n}` }));
      return [
        "POST",
        "/transactions/bulk",
        { atomic: random.chance(0.5), skip_queue: random.chance(0.7), inflight: random.chance(0.3), transactions },
      ];
    },
    settle: () => {
      const amount = random.pick([undefined, undefined, 0.5, 1]);
      return [
        "PUT",
        `/transactions/inflight/${id}`,
        { status: random.pick(["commit", "void"]), amount, skip_queue: random.chance(0.7) },
      ];
    },
    refund: () => ["POST", `/refund-transaction/${applied ?? id}`, { skip_queue: random.chance(0.7) }],
  };
  const answer = await send(core, ...requests[kind]());
  seen.statuses.add(answer.status);
  assert.ok(answer.status < 500, answer.text);
  const made = answer.json.transaction_id ?? answer.json.batch_id;
  if (made) seen.ids.push(made);
  if (answer.json.status === "APPLIED") seen.applied.push(made);
}

function shares(balances, random) {
  const percent = random.int(1, 99);
  const [first, second, third] = balances;
  return [
    { identifier: first, distribution: `${percent}%` },
    ...(random.chance(0.5) ? [{ identifier: third, precise_distribution: "1" }] : []),
    { identifier: second, distribution: "left" },
  ];
}

async function check(core, seed) {
  // The journal and the balances are read one after the other, so nothing may be booked in between.
  await core.settled();
  const rows = await objects(core, "/transactions?limit=100000");
  const balances = await objects(core, "/balances?limit=1000");
  const history = new Map(
    balances.map((text) => [field(text, "balance_id"), Object.fromEntries(FIGURES.map((name) => [name, 0n]))]),
  );
  for (const row of rows) replay(history, rows, row);
  let sum = 0n;
  let held = 0n;
  for (const text of balances) {
    const id = field(text, "balance_id");
    const expected = history.get(id);
    expected.balance = expected.credit_balance - expected.debit_balance;
    expected.inflight_balance = expected.inflight_credit_balance - expected.inflight_debit_balance;
    for (const name of FIGURES) assert.equal(units(text, name), expected[name], `${name} of ${id} with SEED=${seed}`);
    const then = await send(core, "GET", `/balances/${id}/at`);
    assert.equal(units(then.text, "balance"), expected.balance, `now and by history with SEED=${seed}`);
    sum += expected.balance;
    held += expected.inflight_balance;
  }
  assert.equal(sum, 0n, `SEED=${seed}`);
  assert.equal(held, 0n, `SEED=${seed}`);
}

/** What a row of the journal did: APPLIED moved money, INFLIGHT holds what its children have not settled. */
function replay(history, rows, row) {
  const amount = units(row, "precise_amount");
  const status = field(row, "status");
  const move = (source, destination, moved) => {
    history.get(field(row, "source"))[source] += moved;
    history.get(field(row, "destination"))[destination] += moved;
  };
  if (status === "APPLIED") move("debit_balance", "credit_balance", amount);
  if (status !== "INFLIGHT") return;
  const settling = rows.filter(
    (other) =>
      field(other, "parent_transaction") === field(row, "transaction_id") &&
      ["APPLIED", "VOID"].includes(field(other, "status")),
  );
  const settled = settling.reduce((sum, other) => sum + units(other, "precise_amount"), 0n);
  move("inflight_debit_balance", "inflight_credit_balance", amount - settled);
}

async function objects(core, path) {
  const { text } = await send(core, "GET", path);
  return text.slice(1, -1).split(/(?<=\}),(?=\{"(?:precise_amount|balance)":)/);
}

const field = (text, name) => new RegExp(`"${name}":"([^"]*)"`).exec(text)?.[1];

/** A small generator with a seed (mulberry32), so that a failure can be run again. */
function generator(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (low, high) => low + Math.floor(next() * (high - low + 1));
  return { int, chance: (p) => next() < p, pick: (list) => list[Math.floor(next() * list.length)] };
}
