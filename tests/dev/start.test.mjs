// `npm start` from the first line it prints to the last process it ends, on the built worker.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { portFrom } from "../../dev/ports.mjs";
import { root } from "../../dev/project.mjs";
import { oauthWalkthrough, walkthrough } from "../../dev/walkthrough.mjs";

test("each line of the walkthrough hands its id on to the next", async (t) => {
  const requests = [];
  const proxy = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    requests.push({
      target: `${request.method} ${request.url}`,
      authorization: request.headers.authorization,
      body: body && JSON.parse(body),
    });
    const id = ANSWERS[request.url.split("?")[0].slice("/proxy/".length)];
    response.end(JSON.stringify({ ledger_id: "ldg_1", ...id, name: "a \\ b" }));
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  t.after(() => proxy.close());
  const lines = walkthrough({
    origin: `http://127.0.0.1:${proxy.address().port}`,
    instance: "instance_x",
    key: "blnk_k",
  });
  const { status, stderr } = await shell(lines);
  assert.equal(status, 0, stderr);
  assert.deepEqual(
    requests.map(({ target }) => target),
    [
      "POST /proxy/ledgers?instance_id=instance_x",
      "POST /proxy/balances?instance_id=instance_x",
      "POST /proxy/balances?instance_id=instance_x",
      "POST /proxy/transactions?instance_id=instance_x",
      "POST /proxy/txn_1/metadata?instance_id=instance_x",
      "GET /proxy/balances/bln_1?instance_id=instance_x",
    ],
  );
  assert.ok(requests.every(({ authorization }) => authorization === "Bearer blnk_k"));
  assert.equal(requests[1].body.ledger_id, "ldg_1");
  assert.equal(requests[3].body.source, "bln_1");
});

test("the lines for an app ask for a token, use it and give it back", async (t) => {
  const requests = [];
  const proxy = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    requests.push([`${request.method} ${request.url}`, request.headers.authorization, body]);
    response.end(request.url === "/oauth/token" ? '{"access_token":"blnk_at_x-_1","token_type":"Bearer"}' : "[]");
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  t.after(() => proxy.close());
  const origin = `http://127.0.0.1:${proxy.address().port}`;
  const { status, stderr } = await shell(
    oauthWalkthrough({ origin, instance: "instance_x", client: { id: "c", secret: "s" } }),
  );
  assert.equal(status, 0, stderr);
  const basic = `Basic ${Buffer.from("c:s").toString("base64")}`;
  assert.deepEqual(requests, [
    ["POST /oauth/token", basic, "grant_type=client_credentials&scope=proxy:read"],
    ["GET /proxy/ledgers?instance_id=instance_x", "Bearer blnk_at_x-_1", ""],
    ["POST /oauth/revoke", basic, "token=blnk_at_x-_1"],
  ]);
});

const ANSWERS = { balances: { balance_id: "bln_1" }, transactions: { transaction_id: "txn_1" } };

test("npm start prints lines that work, keeps its registry over a restart, and leaves no process behind", {
  timeout: 240_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "start-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const first = await started(t, folder);
  const { status, stdout, stderr } = await shell(first.lines);
  assert.equal(status, 0, stderr);
  const answers = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(answers.length, 6, stdout);
  const [ledger, source, , transaction, metadata, balance] = answers;
  assert.equal(source.ledger_id, ledger.ledger_id);
  assert.equal(transaction.precision, 100);
  assert.match(transaction.reference, /^ref_[0-9a-f-]{36}$/);
  assert.equal(metadata.meta_data.myApp.channel, "web");
  assert.equal(balance.balance, 10050);
  const app = await shell(first.oauthLines);
  assert.equal(app.status, 0, app.stderr);
  const [ledgers, revoked] = app.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(ledgers[0].ledger_id, ledger.ledger_id);
  assert.deepEqual(revoked, {});
  await first.stop();

  const second = await started(t, folder);
  const keyOf = (lines) => lines.match(/KEY=(\S+)/)[1];
  assert.equal(keyOf(second.lines), keyOf(first.lines));
  const secretOf = (lines) => lines.match(/SECRET=(\S+)/)[1];
  assert.equal(secretOf(second.oauthLines), secretOf(first.oauthLines));
  assert.equal((await shell(second.lines)).stdout.trim().split("\n").length, 6);
  await second.stop();
});

/** Starts the command on free ports with its state in `folder`, and waits for the walkthrough. */
async function started(t, folder) {
  const env = {
    ...process.env,
    PORT: String(await portFrom("TEST_PORT")),
    STATE_DIR: folder,
    CORE_URL: "",
    CORE_KEY: "",
  };
  // A group of its own, as a shell gives a command, so that the whole group can be asked to stop as Ctrl-C does.
  const child = spawn(process.execPath, [join(root, "dev/start.mjs")], {
    detached: true,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => child.exitCode === null && process.kill(-child.pid, "SIGKILL"));
  let printed = "";
  child.stdout.on("data", (chunk) => (printed += chunk));
  child.stderr.on("data", (chunk) => (printed += chunk));
  const lines = () => printed.match(/^PROXY=[\s\S]*\/balances\/\$DESTINATION.*$/m)?.[0];
  const oauthLines = () => printed.match(/^ORIGIN=[\s\S]*\/oauth\/revoke.*$/m)?.[0];
  for (let waited = 0; oauthLines() === undefined; waited += 100) {
    assert.ok(child.exitCode === null && waited < 100_000, printed);
    await sleep(100);
  }
  return {
    lines: lines(),
    oauthLines: oauthLines(),
    async stop() {
      const closed = new Promise((resolve) => child.once("close", resolve));
      process.kill(-child.pid, "SIGINT");
      assert.equal(await closed, 0, printed);
      // Everything that was started for this run names its folder or its port.
      const left = spawnSync("ps", ["-eo", "pid,args"], { encoding: "utf8" }).stdout.split("\n");
      assert.deepEqual(
        left.filter((line) => line.includes(folder) || line.includes(`127.0.0.1:${env.PORT}`)),
        [],
      );
    },
  };
}

/** Pastes lines into a shell. */
function shell(lines) {
  return new Promise((resolve) => {
    const child = spawn("bash", ["-s"], { stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.once("close", (status) => resolve({ status, stdout, stderr }));
    child.stdin.end(`${lines}\n`);
  });
}
