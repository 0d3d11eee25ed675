// What an operator sees: the log line of each request, which of them are kept, traces, and /healthz.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";

import { openStage } from "./faults/stage.mjs";
import { reply } from "./harness/replies.mjs";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const VERSION = /^version = "(.*)"$/m.exec(readFileSync(new URL("../../Cargo.toml", import.meta.url), "utf8"))[1];

describe("what is seen of a request", () => {
  let stage;
  before(async () => {
    stage = await openStage();
  });
  after(() => stage.close());

  test("one line of JSON that names records by their ids and the route by its pattern", async () => {
    const { id } = await stage.call("/ledgers/ldg_secret-part?include=everything");
    const line = await stage.worker.logLine(id);
    const { core_ms, ...rest } = line;
    assert.equal(typeof core_ms, "number");
    assert.deepEqual(rest, {
      level: "info",
      request_id: id,
      method: "GET",
      route: "/ledgers/:id",
      status: 200,
      credential: stage.key.id,
      workspace: "default",
      instance: stage.instance.id,
      cache: "miss",
    });
    const [text] = stage.worker.logs.filter((one) => one.includes(id));
    assert.ok(!text.includes("secret-part") && !text.includes("everything"));
  });

  test("Core's refusal of its own key is passed on, and an error of the instance in the log", async () => {
    stage.core.answer(reply({ status: 401, body: { error: "Authentication required" } }));
    const answer = await stage.send("read");
    stage.core.answer(reply({ body: {} }));
    assert.deepEqual([answer.status, answer.json()], [401, { error: "Authentication required" }]);
    assert.equal(answer.headers.get("www-authenticate"), null);
    const line = await stage.worker.logLine(answer.id);
    assert.deepEqual(
      [line.level, line.status, line.code, line.instance, line.detail],
      ["error", 401, undefined, stage.instance.id, "Core refused the instance's own key"],
    );
  });

  test("a refusal names nobody who was not authenticated", async () => {
    const answer = await stage.send("read", { key: "blnk_nobody" });
    const line = await stage.worker.logLine(answer.id);
    assert.deepEqual(
      [line.status, line.credential, line.workspace, line.instance],
      [401, undefined, undefined, undefined],
    );
  });

  test("traceparent and its fellows go to Core unchanged; the trace id is in the line, of failures too", async () => {
    const headers = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01`, tracestate: "a=1,b=2", baggage: "k=v;p" };
    stage.core.clear();
    const served = await stage.send("create", { headers });
    for (const [name, value] of Object.entries(headers)) assert.equal(stage.core.requests[0].headers.get(name), value);
    const refused = await stage.send("create", { headers, body: "[]" });
    assert.deepEqual([served.status, refused.status], [200, 400]);
    for (const { id } of [served, refused]) assert.equal((await stage.worker.logLine(id)).trace_id, TRACE);
  });

  test("a traceparent that is none is passed on too, and not believed", async () => {
    stage.core.clear();
    const { id } = await stage.send("read", { headers: { traceparent: "not-a-trace" } });
    assert.equal(stage.core.requests[0].headers.get("traceparent"), "not-a-trace");
    assert.equal((await stage.worker.logLine(id)).trace_id, undefined);
  });

  test("/healthz answers with the version, and looks at nothing", async () => {
    const { kv } = stage.worker;
    kv.fail({ hang: true });
    const reads = kv.reads.length;
    const answer = await stage.worker.fetch("/healthz", { headers: { "x-request-id": "health" } });
    kv.heal();
    assert.deepEqual([answer.status, answer.json()], [200, { status: "ok", version: VERSION }]);
    assert.equal(kv.reads.length, reads);
    assert.equal((await stage.worker.logLine("health")).route, "/healthz");
  });
});

describe("LOG", () => {
  const KEPT = {
    all: ["read", "create", "wrong"],
    errors: ["wrong"],
    0: ["create", "wrong"],
    1: ["read", "create", "wrong"],
  };
  for (const [setting, kept] of Object.entries(KEPT)) {
    test(`set to ${setting} keeps ${kept.join(", ")}`, async (t) => {
      const stage = await openStage({ worker: { vars: { LOG: setting } } });
      t.after(() => stage.close());
      await stage.send("read", { id: "read" });
      await stage.send("create", { id: "create" });
      await stage.send("create", { id: "wrong", body: "{" });
      await stage.worker.logLine("wrong");
      const ids = stage.worker.logLines().map((line) => line.request_id);
      assert.deepEqual(
        ["read", "create", "wrong"].filter((id) => ids.includes(id)),
        kept,
      );
    });
  }

  test("set to a share keeps about that share of the reads, and every failure", async (t) => {
    const stage = await openStage({ worker: { vars: { LOG: "0.5" } } });
    t.after(() => stage.close());
    for (let time = 0; time < 60; time += 1) await stage.send("read", { id: `read-${time}` });
    await stage.send("read", { id: "wrong", instance: "unknown" });
    await stage.worker.logLine("wrong");
    const reads = stage.worker.logLines().filter(({ request_id }) => request_id.startsWith("read-")).length;
    // Beyond this lies less than one run in a million.
    assert.ok(reads > 8 && reads < 52, String(reads));
  });
});
