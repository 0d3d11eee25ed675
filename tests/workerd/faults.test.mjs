// Each fault that Core can have, for each kind of request: what the caller is told, what Core saw, what the log says,
// and that the next request is served.
import assert from "node:assert/strict";
import tls from "node:tls";
import { after, before, describe, test } from "node:test";

import { CASES } from "./faults/cases.mjs";
import { untrustedCertificate } from "./faults/certificate.mjs";
import { KINDS, openStage } from "./faults/stage.mjs";
import { answerBytes, reply } from "./harness/replies.mjs";
import { closedPort, startUpstream } from "./harness/upstream.mjs";

const LOOK_UP =
  /Core may have acted: look the reference up before sending it again, and send it again only with the same reference$/;
const READ = /Core may have acted: read the record before sending it again$/;

describe("a fault of Core", () => {
  let stage;
  let speaksNoTls;
  let untrusted;
  const instances = {};

  before(async () => {
    stage = await openStage();
    speaksNoTls = await startUpstream();
    speaksNoTls.onConnection = (socket) => socket.end(answerBytes({ status: 400, body: "this is plain HTTP" }));
    untrusted = tls.createServer(untrustedCertificate()).on("tlsClientError", () => {});
    await new Promise((resolve) => untrusted.listen(0, "127.0.0.1", resolve));
    const addresses = {
      refused: `http://127.0.0.1:${await closedPort()}`,
      unknownName: "http://core.invalid",
      noTls: `https://127.0.0.1:${speaksNoTls.port}`,
      untrusted: `https://127.0.0.1:${untrusted.address().port}`,
    };
    for (const [name, base_url] of Object.entries(addresses)) {
      instances[name] = (await stage.addInstance({ base_url })).id;
    }
  });
  after(async () => {
    await new Promise((resolve) => untrusted.close(resolve));
    await Promise.all([stage.close(), speaksNoTls.stop()]);
  });

  for (const { name, at, reply: answer, expect } of CASES) {
    test(`${name} is told as ${expect.code ?? expect.status}`, async () => {
      // The four at once: most of them wait for the same deadline.
      stage.core.clear();
      if (answer) stage.core.answer(answer);
      const kinds = Object.keys(KINDS);
      const answers = await Promise.all(kinds.map((kind) => stage.send(kind, { instance: instances[at] })));
      const seen = [...stage.core.requests];
      stage.core.answer(reply({ body: { fine: true } }));
      for (const [index, kind] of kinds.entries()) {
        const requests = seen.filter(({ headers }) => headers.get("x-request-id") === answers[index].id);
        await check(kind, answers[index], requests, at, expect);
      }
      const next = await Promise.all(kinds.map((kind) => stage.send(kind)));
      assert.deepEqual(
        next.map(({ status, complete }) => [status, complete]),
        kinds.map(() => [200, true]),
      );
    });
  }

  test("leaves one line a request, and nothing but such lines in the log", async () => {
    const { id } = await stage.send("read");
    await stage.worker.logLine(id);
    const ids = stage.worker
      .logLines()
      .filter(({ route }) => !route.startsWith("/admin"))
      .map((line) => line.request_id);
    assert.equal(ids.length, CASES.length * 8 + 1);
    assert.equal(new Set(ids).size, ids.length);
  });

  async function check(kind, answer, requests, at, expect) {
    const { writes, route } = KINDS[kind];
    const what = `${kind}: ${answer.text()}`;
    assert.equal(answer.status, expect.status, what);
    assert.equal(answer.complete, !expect.cut, what);
    assert.equal(answer.headers.get("x-request-id"), answer.id, what);
    if (expect.body) assert.deepEqual(answer.body, expect.body);
    // workerd itself may send a read again, within one fetch, while pooled connections break. A write goes once.
    if (at) assert.equal(requests.length, 0, what);
    else if (writes) assert.equal(requests.length, 1, what);
    else assert.ok(requests.length >= 1, what);
    const made = kind === "create" ? answer.headers.get("x-blnk-reference") : null;
    if (kind === "create") assert.match(made, /^ref_[0-9a-f-]{36}$/);
    if (expect.code) checkError(kind, answer, requests[0], made, expect);
    const line = await stage.worker.logLine(answer.id);
    assert.deepEqual(
      [line.level, line.status, line.code, line.route, line.upstream_status, line.instance],
      [
        expect.level ?? (expect.code ? "warn" : "info"),
        expect.status,
        expect.code,
        route,
        expect.code && expect.upstream,
        at ? instances[at] : stage.instance.id,
      ],
    );
    assert.equal(typeof line.core_ms, "number");
    assert.equal(line.reference, { create: "made", bulk: "made" }[kind]);
    assert.equal(stage.lines(answer.id).length, 1);
  }

  function checkError(kind, answer, request, made, expect) {
    const { error, error_detail: detail } = answer.json();
    assert.equal(error, detail.message);
    assert.equal(detail.code, expect.code);
    const { request_id, outcome, reference, references, upstream_status } = detail.details;
    assert.equal(request_id, answer.id);
    assert.equal(upstream_status, expect.upstream);
    assert.equal(outcome, KINDS[kind].writes ? "unknown" : undefined);
    assert.equal(reference, made ?? undefined);
    if (kind === "read") return assert.doesNotMatch(error, /may have acted/);
    assert.match(error, kind === "upload" ? READ : LOOK_UP);
    if (kind === "bulk") assert.deepEqual(Object.keys(references), ["1"]);
    // The reference that is told is the one that Core got.
    const sent = kind !== "upload" && request?.body?.bytes && JSON.parse(request.body.bytes);
    if (sent && kind === "create") assert.equal(sent.reference, reference);
    if (sent && kind === "bulk")
      assert.deepEqual(
        sent.transactions.map((one) => one.reference),
        ["given", references[1]],
      );
  }
});
