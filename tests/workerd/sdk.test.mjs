// The published TypeScript SDK as it is: pointed at the proxy, with a key that has a default instance, since this SDK
// knows no instance_id. Behind the proxy answers the stand-in Core.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import sdk from "@blnkfinance/blnk-typescript";

import { startCore } from "../../dev/core/server.mjs";
import { admin } from "./harness/admin.mjs";
import { startWorker } from "./harness/workerd.mjs";

const SILENT = { info() {}, error() {}, debug() {}, warn() {} };

describe("Blnk's TypeScript SDK", () => {
  let core;
  let worker;
  let adminApi;
  let instance;
  let blnk;
  before(async () => {
    core = await startCore({ key: "the-stand-ins-master-key" });
    worker = await startWorker();
    adminApi = admin(worker);
    instance = await adminApi.instance({ base_url: core.url, core_key: core.key });
    blnk = await client({ scopes: ["proxy:read", "proxy:write"] });
  });
  after(async () => {
    await worker.stop();
    await core.close();
  });

  const client = async (fields) => {
    const { key } = await adminApi.apiKey({ default_instance: instance.id, ...fields });
    return sdk.BlnkInit(key, { baseUrl: `${worker.origin}/proxy`, logger: SILENT, retryCount: 1 });
  };
  /** The data of an answer that must have this status. */
  const data = (answer, status) => {
    assert.equal(answer.status, status, JSON.stringify(answer));
    return answer.data;
  };

  test("creates a ledger, two balances and a transaction between them, and reads what came of it", async () => {
    const { ledger_id } = data(await blnk.Ledgers.create({ name: "Savings", meta_data: { owner: "ops" } }), 201);
    assert.match(ledger_id, /^ldg_/);
    const balance = async () =>
      data(await blnk.LedgerBalances.create({ ledger_id, currency: "USD", meta_data: {} }), 201);
    const [from, to] = [await balance(), await balance()];
    assert.equal(from.ledger_id, ledger_id);
    const sent = {
      amount: 12.5,
      precision: 100,
      reference: "ref_of_the_sdk",
      description: "From one to the other",
      currency: "USD",
      source: from.balance_id,
      destination: to.balance_id,
      allow_overdraft: true,
      meta_data: { order: "1" },
    };
    const made = data(await blnk.Transactions.create(sent), 201);
    assert.deepEqual([made.status, made.reference, made.precise_amount], ["QUEUED", "ref_of_the_sdk", 1250]);
    await core.settled();
    const [source, destination] = [
      data(await blnk.LedgerBalances.get(from.balance_id), 200),
      data(await blnk.LedgerBalances.get(to.balance_id), 200),
    ];
    assert.deepEqual([source.balance, destination.balance], [-1250, 1250]);
    const read = data(await blnk.Transactions.getByReference("ref_of_the_sdk_q"), 200);
    assert.deepEqual([read.status, read.amount], ["APPLIED", 12.5]);
    data(await blnk.Metadata.update(made.transaction_id, { meta_data: { channel: "web" } }), 200);
    assert.deepEqual(data(await blnk.System.health(), 200), { status: "UP" });
  });

  test("is told of Core's errors and of the proxy's in the way that it can read", async () => {
    const absent = await blnk.Ledgers.get("ldg_none");
    assert.deepEqual([absent.status, absent.message], [404, "Ledger not found"]);
    const reader = await client({ scopes: ["proxy:read"] });
    const refused = await reader.Ledgers.create({ name: "Savings" });
    assert.equal(refused.status, 403);
    assert.match(JSON.stringify(refused), /PROXY_INSUFFICIENT_SCOPE/);
    assert.match(refused.message, /lacks the scope proxy:write/);
    const stranger = sdk.BlnkInit("blnk_wrong", { baseUrl: `${worker.origin}/proxy/`, logger: SILENT, retryCount: 1 });
    assert.equal((await stranger.Ledgers.get("ldg_1")).status, 401);
  });

  test("reaches no operator route, though it has methods for them", async () => {
    const all = await client({ scopes: ["*"] });
    const before = new Map(core.requests);
    const answers = [
      await all.Hooks.list(),
      await all.LedgerBalances.createSnapshot(),
      await all.Transactions.recoverQueue(),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status).filter((status) => ![404, 405].includes(status)),
      [],
    );
    assert.deepEqual(core.requests, before);
  });
});
