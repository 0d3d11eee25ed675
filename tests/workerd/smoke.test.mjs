// The harness itself, shown on a probe worker: what the other tests take for
// granted about workerd, the KV stand-in, the upstream and the clients.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

import { CORE_KEY, admin } from "./harness/admin.mjs";
import { connect, rawRequest, request } from "./harness/http.mjs";
import { startKv } from "./harness/kv.mjs";
import { rateLimiter } from "./harness/limiter.mjs";
import { closeAfter, early, hang, after as later, raw, recorded, reply, resetAfter, resetAtOnce } from "./harness/replies.mjs";
import { parseToml } from "./harness/settings.mjs";
import { closedPort, startUpstream } from "./harness/upstream.mjs";
import { LAST_CHUNK, chunk, head } from "./harness/wire.mjs";
import { startWorker } from "./harness/workerd.mjs";

const HARNESS = fileURLToPath(new URL("./harness/", import.meta.url));
const PROBE = { build: join(HARNESS, "probe"), config: join(HARNESS, "probe/wrangler.toml") };
const MIB = 1024 * 1024;

describe("a worker on workerd", () => {
  test("has the variables of wrangler.toml, of the tests and of its own", async () => {
    const odd = 'quotes " \\ and\nlines, ü';
    const worker = await startWorker({ ...PROBE, vars: { ODD: odd, EMPTY: null } });
    const seen = (await worker.fetch("/vars")).json();
    await worker.stop();
    assert.equal(seen.GREETING, "from # the file");
    assert.equal(seen.ODD, odd);
    assert.equal(seen.ALLOW_INSECURE_CORE, "true");
    assert.equal(Buffer.from(seen.SEALING_KEY, "base64").length, 32);
    assert.ok(!("EMPTY" in seen), "a null leaves a variable out");
    assert.deepEqual(seen, worker.vars);
  });

  test("keeps its objects and its port when it is killed and started again", async () => {
    const worker = await startWorker(PROBE);
    const { origin, pid } = worker;
    await worker.fetch("/visits", { method: "POST" });
    assert.deepEqual(await worker.kill(), { code: null, signal: "SIGKILL" });
    await assert.rejects(worker.fetch("/visits"), { code: "ECONNREFUSED" });
    await worker.restart({ vars: { ADDED: "later" } });
    assert.notEqual(worker.pid, pid);
    assert.equal(worker.origin, origin);
    assert.deepEqual((await worker.fetch("/visits")).json(), { visits: 1 });
    assert.equal((await worker.fetch("/vars")).json().ADDED, "later");
    await worker.stop();
    assert.ok(!existsSync(worker.storage), "temporary storage is removed");
  });

  test("leaves a storage folder of the caller's in place", async () => {
    const durableStorage = mkdtempSync(join(tmpdir(), "blnk-edge-storage-"));
    const first = await startWorker({ ...PROBE, durableStorage });
    await first.fetch("/visits", { method: "POST" });
    await first.stop();
    const second = await startWorker({ ...PROBE, durableStorage });
    assert.deepEqual((await second.fetch("/visits")).json(), { visits: 1 });
    await second.stop();
    rmSync(durableStorage, { recursive: true });
  });

  test("that cannot start fails with workerd's own message", async () => {
    const build = mkdtempSync(join(tmpdir(), "blnk-edge-broken-"));
    writeFileSync(join(build, "index.js"), "export default { fetch( };");
    await assert.rejects(startWorker({ ...PROBE, build }), /SyntaxError/);
    rmSync(build, { recursive: true });
  });

  test("has no binding that it was told to do without", async () => {
    const worker = await startWorker({ ...PROBE, kv: null, without: ["REGISTRY"] });
    assert.equal((await worker.fetch("/kv?a")).status, 502);
    assert.equal((await worker.fetch("/visits")).status, 502);
    await worker.stop();
  });

  test("has a rate limiter that counts by key, or fails", async () => {
    const worker = await startWorker({ ...PROBE, ...rateLimiter({ name: "LIMITER", limit: 1 }) });
    const allowed = async (key) => (await worker.fetch("/limited", { headers: { "x-key": key } })).json().success;
    assert.deepEqual([await allowed("a"), await allowed("a"), await allowed("b")], [true, false, true]);
    await worker.stop();
    const broken = await startWorker({ ...PROBE, ...rateLimiter({ name: "LIMITER", broken: true }) });
    assert.match((await broken.fetch("/limited")).text(), /told to fail/);
    await broken.stop();
  });

  test("leaves no process and no folder when its test fails", async () => {
    const script = `
      import { startWorker } from ${JSON.stringify(pathToFileURL(join(HARNESS, "workerd.mjs")))};
      const worker = await startWorker(${JSON.stringify(PROBE)});
      console.log(JSON.stringify({ origin: worker.origin, storage: worker.storage }));
      throw new Error("the test fails");`;
    const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    assert.match(run.stderr, /the test fails/);
    const { origin, storage } = JSON.parse(run.stdout);
    assert.ok(!existsSync(storage));
    await assert.rejects(request(origin, "/"), { code: "ECONNREFUSED" });
  });

  test("that is forgotten does not keep the test process", () => {
    const script = `
      import { startWorker } from ${JSON.stringify(pathToFileURL(join(HARNESS, "workerd.mjs")))};
      const worker = await startWorker(${JSON.stringify(PROBE)});
      await worker.fetch("/kv?a");`;
    const args = ["--input-type=module", "-e", script];
    const run = spawnSync(process.execPath, args, { timeout: 10_000 });
    assert.deepEqual([run.status, run.signal], [0, null]);
  });
});

describe("the log", () => {
  let worker;
  before(async () => (worker = await startWorker(PROBE)));
  after(() => worker.stop());

  test("gives the line of one request, parsed, among all that was printed", async () => {
    const headers = { "x-request-id": "one-of-many" };
    await Promise.all([worker.fetch("/a"), worker.fetch("/b", { headers }), worker.fetch("/c")]);
    const line = await worker.logLine("one-of-many");
    assert.deepEqual(line, { request_id: "one-of-many", path: "/b", status: 200 });
    await worker.logsUntil((lines) => lines.length >= 3);
    assert.deepEqual(worker.logLines().map(({ path }) => path).sort(), ["/a", "/b", "/c"]);
    assert.equal(worker.logs.length, 3);
  });

  test("says what it had when an awaited line does not come", async () => {
    await assert.rejects(worker.logLine("never", 50), /request never within 50 ms/);
  });
});

describe("the KV stand-in", () => {
  let worker;
  let kv;
  before(async () => {
    worker = await startWorker(PROBE);
    kv = worker.kv;
  });
  beforeEach(() => {
    kv.heal();
    kv.forget();
  });
  after(() => worker.stop());

  test("stores, reads and deletes keys of any spelling", async () => {
    const key = "credential/ä b?&%2F";
    const path = `/kv?${encodeURIComponent(key)}`;
    assert.equal((await worker.fetch(path)).json(), null);
    await worker.fetch(path, { method: "PUT", body: "a value" });
    assert.equal(kv.value("CREDENTIALS", key), "a value");
    assert.equal(kv.value("INSTANCES", key), undefined);
    assert.equal((await worker.fetch(path)).json(), "a value");
    await worker.fetch(path, { method: "DELETE" });
    assert.equal(kv.value("CREDENTIALS", key), undefined);
    assert.deepEqual(kv.operations.map(({ kind }) => kind), ["get", "put", "get", "delete"]);
    assert.deepEqual(kv.reads.map(({ status }) => status), [404, 200]);
    assert.ok(kv.operations.every((one) => one.key === key && one.namespace === "CREDENTIALS"));
  });

  test("answers reads in bulk and lists", async () => {
    kv.set("CREDENTIALS", "a", { kept: true });
    assert.deepEqual((await worker.fetch("/kv/bulk")).json(), { a: '{"kept":true}', missing: null });
    assert.deepEqual(kv.reads.map(({ kind, keys }) => [kind, keys]), [["bulk", ["a", "missing"]]]);
    assert.deepEqual((await worker.fetch("/kv/list")).json().keys, [{ name: "a" }]);
  });

  test("shows that reads overlapped", async () => {
    kv.fail({ delayMs: 60 });
    await worker.fetch("/kv/both");
    const [one, two] = kv.reads;
    assert.deepEqual([one.namespace, two.namespace].sort(), ["CREDENTIALS", "INSTANCES"]);
    assert.ok(two.in < one.out && one.in < two.out, "the second came before the first was answered");
    assert.ok(one.out - one.in >= 55, "and was slow");
  });

  test("fails by namespace, key, kind and count, and heals", async () => {
    kv.set("CREDENTIALS", "a", "good");
    kv.fail({ namespace: "CREDENTIALS", key: "a", kind: "get", status: 503, times: 1 });
    kv.fail({ namespace: "INSTANCES", status: 500 });
    assert.match((await worker.fetch("/kv?a")).text(), /KV GET failed: 503/);
    assert.equal((await worker.fetch("/kv?a")).json(), "good");
    kv.fail({ key: /^a/, garbage: Buffer.from([0xff, 0x00]) });
    assert.notEqual((await worker.fetch("/kv?a")).json(), "good");
    const heal = kv.fail({ reset: true });
    assert.equal((await worker.fetch("/kv?a")).status, 502);
    heal();
    assert.equal((await worker.fetch("/kv?b")).json(), null);
  });

  test("hangs until the caller gives up", async () => {
    kv.fail({ hang: true });
    const gone = worker.fetch("/kv?a", { timeoutMs: 100 });
    await assert.rejects(gone, /no answer to \/kv\?a within 100 ms/);
    assert.equal(kv.reads[0].out, null);
  });
});

describe("the upstream", () => {
  let worker;
  let upstream;
  before(async () => {
    [worker, upstream] = await Promise.all([startWorker(PROBE), startUpstream()]);
  });
  beforeEach(() => {
    upstream.clear();
    upstream.answer(reply({ body: {} }));
  });
  after(() => Promise.all([worker.stop(), upstream.stop()]));

  const forward = (init = {}, target = `${upstream.origin}/x`) =>
    worker.fetch("/forward", { ...init, headers: { ...init.headers, "x-target": target } });
  const post = (body = "{}") => forward({ method: "POST", body });

  test("keeps a request as it came over the wire", async () => {
    await forward({ method: "POST", headers: { "X-Odd": "a  b" }, body: "body" }, `${upstream.origin}/p/%41'?q=%41`);
    const [request] = await upstream.received();
    assert.equal(request.line, "POST /p/%41'?q=%41 HTTP/1.1");
    assert.ok(request.headerLines.includes("Content-Length: 4"));
    assert.equal(request.headers.get("x-odd"), "a  b");
    assert.equal(request.body.bytes.toString(), "body");
    assert.equal(request.body.sha256, createHash("sha256").update("body").digest("hex"));
    assert.deepEqual([request.body.framing, request.body.complete], ["length", true]);
  });

  test("serves a recorded answer header by header", async () => {
    const headers = [["X-One", "1"], ["Content-Type", "application/json"], ["Content-Length", "7"], ["X-One", "2"]];
    upstream.answer(recorded({ status: 201, headers, body: '{"a":1}' }));
    const answer = await forward();
    assert.equal(answer.status, 201);
    assert.equal(answer.text(), '{"a":1}');
    for (const [name, value] of headers.slice(1, 3)) assert.equal(answer.headers.get(name), value);
    assert.equal(answer.headers.get("x-one"), "1, 2");
  });

  test("answers several requests one by one", async () => {
    upstream.answerNext(reply({ status: 404 }), raw("HTTP/1.1 204 No Content\r\n\r\n"));
    const statuses = [await forward(), await forward(), await forward()].map(({ status }) => status);
    assert.deepEqual(statuses, [404, 204, 200]);
    assert.equal(upstream.requests.length, 3);
    const connections = new Set(upstream.requests.map(({ connection }) => connection));
    assert.equal(connections.size, 1, "over one connection kept alive");
  });

  const whole = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const lost = [
    ["a reset before the body was read", resetAtOnce],
    ["a reset after the request was read", resetAfter()],
    ["a reset in the head", resetAfter(whole.slice(0, 25))],
    ["an end without an answer", closeAfter()],
    ["an end in the head", closeAfter(whole.slice(0, 25))],
  ];
  for (const [name, fault] of lost) {
    test(`${name} makes fetch throw, and the request is not sent again`, async () => {
      upstream.answer(fault);
      assert.equal((await post()).status, 502);
      assert.equal(upstream.requests.length, 1);
    });
  }

  const cut = [
    ["an end in a body with a length", closeAfter(`${whole}12345`)],
    ["a reset in a body with a length", resetAfter(`${whole}12345`)],
    ["an end in a chunked body", closeAfter(Buffer.concat([Buffer.from(chunked), chunk("12345")]))],
  ];
  for (const [name, fault] of cut) {
    test(`${name} reaches the caller as an answer that broke off`, async () => {
      upstream.answer(fault);
      const answer = await post();
      assert.deepEqual([answer.status, answer.complete], [200, false]);
      assert.equal(answer.text(), "12345");
    });
  }

  test("a late answer is late, and silence lasts until the caller leaves", async () => {
    upstream.answer(later(80, reply()));
    const start = performance.now();
    assert.equal((await forward()).status, 200);
    assert.ok(performance.now() - start >= 75);
    upstream.answer(hang());
    await assert.rejects(forward({ timeoutMs: 80 }), /within 80 ms/);
  });

  test("an answer can come before the body has gone up", async () => {
    upstream.answer(early({ status: 413, body: "no" }, { close: false }));
    const connection = await connect(worker.origin);
    await connection.write(head("POST /forward HTTP/1.1", ["Host: x", `X-Target: ${upstream.origin}`, "Content-Length: 4"]));
    const answer = await connection.answer();
    connection.close();
    assert.equal(answer.status, 413);
    assert.ok(!upstream.requests[0].body?.complete);
  });

  test("a port on which nothing listens refuses", async () => {
    const answer = await forward({}, `http://127.0.0.1:${await closedPort()}/`);
    assert.equal(answer.status, 502);
  });

  test("100 MiB stream through with their bytes, and memory stays flat", async () => {
    const block = Buffer.alloc(64 * 1024, "blnk");
    const blocks = 1600;
    const hash = createHash("sha256");
    async function* upload() {
      for (let sent = 0; sent < blocks; sent += 1) {
        hash.update(block);
        yield block;
      }
    }
    await post();
    upstream.clear();
    const memory = worker.rss();
    const headers = { "content-length": String(blocks * block.length) };
    assert.equal((await forward({ method: "POST", headers, body: upload() })).status, 200);
    const [{ body, headers: sent }] = await upstream.received();
    assert.equal(sent.get("content-length"), headers["content-length"]);
    assert.deepEqual([body.length, body.sha256], [100 * MIB, hash.digest("hex")]);
    assert.equal(body.bytes, null);
    assert.ok(worker.peakRss() - memory < 32 * MIB, `${(worker.peakRss() - memory) / MIB} MiB more`);
  });
});

describe("the raw client", () => {
  let worker;
  before(async () => (worker = await startWorker(PROBE)));
  after(() => worker.stop());

  test("sends a path of any bytes", async () => {
    const answer = await rawRequest(worker.origin, head("GET /a/../%2e//\\x HTTP/1.1", ["Host: odd.example"]));
    assert.equal(answer.text(), "http://odd.example/a/../%2e//\\x");
  });

  test("sends a chunked body", async () => {
    async function* parts() {
      yield head("POST /echo HTTP/1.1", [["Host", "x"], ["Transfer-Encoding", "chunked"]]);
      yield chunk("one ");
      await sleep(10);
      yield Buffer.concat([chunk("two"), LAST_CHUNK]);
    }
    const answer = await rawRequest(worker.origin, parts());
    assert.deepEqual([answer.text(), answer.complete, answer.framing], ["one two", true, "chunked"]);
  });

  test("can promise more than it sends", async () => {
    const bytes = Buffer.concat([head("POST /echo HTTP/1.1", ["Host: x", "Content-Length: 9"]), Buffer.from("short")]);
    const answer = await rawRequest(worker.origin, bytes, { hangUp: true, timeoutMs: 2_000 });
    assert.ok(answer === null || !answer.complete);
  });

  test("holds a connection for several requests", async () => {
    const connection = await connect(worker.origin);
    for (const path of ["/one", "/two"]) {
      await connection.write(head(`GET ${path} HTTP/1.1`, ["Host: x"]));
      assert.equal((await connection.answer()).text(), `http://x${path}`);
    }
    connection.reset();
  });
});

describe("the admin helper", () => {
  let kv;
  let upstream;
  let worker;
  before(async () => {
    [kv, upstream] = await Promise.all([startKv(), startUpstream()]);
    const fetch = (path, init) => request(upstream.origin, path, init);
    worker = { kv, fetch, vars: { ADMIN_TOKEN: "the-token" } };
  });
  beforeEach(() => upstream.clear());
  after(() => Promise.all([kv.stop(), upstream.stop()]));

  test("makes an instance and waits until that revision of it is published", async () => {
    upstream.answer(reply({ status: 201, body: { id: "one", revision: 2 } }));
    kv.set("INSTANCES", "instance/one", { revision: 1 });
    let published = false;
    setTimeout(() => {
      published = true;
      kv.set("INSTANCES", "instance/one", { revision: 2 });
    }, 40);
    const record = await admin(worker).instance({ base_url: "http://core" });
    assert.ok(published);
    assert.equal(record.id, "one");
    const [{ line, headers, body }] = upstream.requests;
    assert.equal(line, "POST /admin/instances HTTP/1.1");
    assert.equal(headers.get("authorization"), "Bearer the-token");
    const sent = JSON.parse(body.bytes);
    assert.deepEqual([sent.base_url, sent.core_key], ["http://core", CORE_KEY]);
  });

  test("says what came instead of a record", async () => {
    upstream.answer(reply({ status: 400, body: { error: "no scopes" } }));
    const made = admin(worker).apiKey({ scopes: [] });
    await assert.rejects(made, /POST \/admin\/api-keys: 400 instead of 201: .*no scopes/);
  });
});

describe("wrangler.toml", () => {
  test("is read with tables, lists over several lines and comments", () => {
    const text = `a = "x # y" # z\nb.c = 1_000\nlist = [\n  { k = 'v', n = true }, # one\n]\n[t.u]\nd = []\n[[many]]\ne = "="\n[[many]]\ne = "2026-01-01"`;
    assert.deepEqual(parseToml(text), {
      a: "x # y",
      b: { c: 1000 },
      list: [{ k: "v", n: true }],
      t: { u: { d: [] } },
      many: [{ e: "=" }, { e: "2026-01-01" }],
    });
  });

  test("that cannot be read throws", () => {
    assert.throws(() => parseToml("date = 2026-01-01"), /cannot read the value/);
    assert.throws(() => parseToml("no value"), /cannot read line 1/);
  });
});
