// What must not happen: a trap in wasm is answered by the platform and gone with the next request, and an error that
// nobody foresaw is told as ours.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { openStage } from "./faults/stage.mjs";
import { THROW, TRAP_HEADER, trappingBuild } from "./faults/trapping.mjs";
import { after as later, reply } from "./harness/replies.mjs";

describe("a trap", () => {
  let stage;
  before(async () => {
    stage = await openStage({ worker: { build: trappingBuild() } });
  });
  beforeEach(() => {
    stage.core.answer(reply({ body: { fine: true } }));
    stage.core.clear();
  });
  after(() => stage.close());

  const trap = { headers: { [TRAP_HEADER]: "now" } };
  const serves = async () => {
    for (const kind of ["read", "create", "bulk", "upload"]) {
      const answer = await stage.send(kind);
      assert.deepEqual([answer.status, answer.json()], [200, { fine: true }], kind);
    }
  };

  test("the worker of this test is a right one while it does not trap", serves);

  test("before anything is sent is the platform's 500, and the next request is right", async () => {
    for (const kind of ["read", "create", "read"]) {
      const answer = await stage.send(kind, trap);
      assert.deepEqual([answer.status, answer.headers.get("x-request-id")], [500, null]);
      assert.equal(stage.core.requests.length, 0);
      await serves();
      stage.core.clear();
    }
    assert.ok(stage.worker.logs.some((line) => line.includes("RuntimeError: unreachable")));
  });

  test("after Core answered is the platform's 500, nothing is sent again, and the next request is right", async () => {
    for (const kind of ["read", "create", "upload"]) {
      stage.core.answer(reply({ headers: { [TRAP_HEADER]: "now" }, body: {} }));
      assert.equal((await stage.send(kind)).status, 500);
      assert.equal(stage.core.requests.length, 1);
      stage.core.answer(reply({ body: { fine: true } }));
      await serves();
      stage.core.clear();
    }
  });

  for (const [when, outcome, options] of [
    ["before anything is sent", "not_sent", { headers: { "user-agent": THROW } }],
    ["after Core answered", "unknown", {}],
  ]) {
    test(`is not made of what the platform throws ${when}: that is 500 with the request's id; ${outcome}`, async () => {
      if (outcome === "unknown") stage.core.answer(reply({ headers: { [TRAP_HEADER]: THROW }, body: {} }));
      for (const kind of ["read", "create", "bulk", "upload"]) {
        const answer = await stage.send(kind, options);
        const { code, details } = answer.json().error_detail;
        assert.deepEqual([answer.status, code, details.request_id], [500, "PROXY_INTERNAL", answer.id]);
        assert.equal(details.outcome, kind === "read" ? undefined : outcome);
        const line = await stage.worker.logLine(answer.id);
        assert.deepEqual([line.level, line.status, line.code], ["error", 500, "PROXY_INTERNAL"]);
      }
      assert.equal(stage.core.requests.length, outcome === "unknown" ? 4 : 0);
      stage.core.answer(reply({ body: { fine: true } }));
      await serves();
    });
  }

  for (const [when, between] of [
    ["before the next request", () => {}],
    ["after the next request, which a new instance serves", serves],
  ]) {
    test(`leaves its neighbours the answers that come ${when}, and Core saw each write once`, async () => {
      stage.core.answer(later(400, reply({ body: { fine: true } })));
      const neighbours = Array.from({ length: 20 }, (_, index) => stage.send(index % 2 ? "create" : "read"));
      while (stage.core.requests.length < 20) await sleep(5);
      assert.equal((await stage.send("read", trap)).status, 500);
      stage.core.answer(reply({ body: { fine: true } }));
      await between();
      const answers = await Promise.all(neighbours);
      assert.deepEqual(
        answers.map((answer) => [answer.status, answer.json()]),
        answers.map(() => [200, { fine: true }]),
      );
      assert.equal(
        stage.core.requests.filter(({ target }) => target === "/transactions").length,
        between === serves ? 11 : 10,
      );
      await serves();
    });
  }

  test("leaves the objects what they stored: a key's answer is replayed, and the registry goes on", async () => {
    const keyed = { headers: { "idempotency-key": "before-the-trap" } };
    const first = await stage.send("create", keyed);
    assert.deepEqual([first.status, first.headers.get("idempotent-replayed")], [200, null]);
    for (let time = 0; time < 2; time += 1) {
      assert.equal((await stage.send("read", trap)).status, 500);
      const again = await stage.send("create", keyed);
      assert.deepEqual(
        [again.status, again.headers.get("idempotent-replayed"), again.json()],
        [200, "true", { fine: true }],
      );
      assert.equal((await stage.send("read", trap)).status, 500);
      assert.equal((await stage.adminApi.expect(200, "GET", "/instances")).data.length, 1);
      assert.equal((await stage.adminApi.apiKey()).status, "active");
    }
    assert.equal(stage.core.requests.length, 1);
  });

  test("gives the budget of bodies back", async () => {
    const body = `{"description":"${"x".repeat(2_000_000)}"}`;
    for (let time = 0; time < 10; time += 1) {
      stage.core.answer(reply({ headers: { [TRAP_HEADER]: "now" }, body: {} }));
      assert.equal((await stage.send("create", { body })).status, 500);
    }
    stage.core.answer(reply({ body: { fine: true } }));
    assert.equal((await stage.send("create", { body })).status, 200);
  });
});
