import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";

import { request } from "../http.mjs";
import { rateLimiter } from "../limiter.mjs";
import { startWorker } from "../workerd.mjs";
import { PROBE } from "./probe.mjs";

const WORKERD = JSON.stringify(new URL("../workerd.mjs", import.meta.url));

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
      import { startWorker } from ${WORKERD};
      const worker = await startWorker(${JSON.stringify(PROBE)});
      console.log(JSON.stringify({ origin: worker.origin, storage: worker.storage }));
      throw new Error("the test fails");`;
    const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    assert.match(run.stderr, /the test fails/);
    const { origin, storage } = JSON.parse(run.stdout);
    assert.ok(!existsSync(storage));
    // Reset instead of refused while the kernel is still taking the process down.
    await assert.rejects(request(origin, "/"), ({ code }) => /^ECONN(REFUSED|RESET)$/.test(code));
  });

  test("that is forgotten does not keep the test process", () => {
    const script = `
      import { startWorker } from ${WORKERD};
      const worker = await startWorker(${JSON.stringify(PROBE)});
      await worker.fetch("/kv?a");`;
    const args = ["--input-type=module", "-e", script];
    const run = spawnSync(process.execPath, args, { timeout: 10_000 });
    assert.deepEqual([run.status, run.signal], [0, null]);
  });
});
