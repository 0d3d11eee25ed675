// What one tenant's bodies can take from another's: what has come, up to a share, and for no longer than it keeps
// coming.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { openStage } from "./faults/stage.mjs";
import { connect } from "./harness/http.mjs";
import { reply } from "./harness/replies.mjs";

const MIB = 1 << 20;

/** A stage with a second workspace, and ways to send half a request. */
async function openTwo(options) {
  const stage = await openStage(options);
  const instance = await stage.addInstance({ base_url: stage.core.origin, workspace: "other", timeout_ms: 20_000 });
  const { key } = await stage.adminApi.apiKey({ workspace: "other" });
  stage.core.answer(reply({ status: 201, body: {} }));
  const beside = (await stage.adminApi.apiKey()).key;
  /** Begins a request of the first credential. */
  const begin = async (
    framing,
    body = "",
    { path = stage.path("/transactions"), key: token = stage.key.key, headers = "" } = {},
  ) => {
    const connection = await connect(stage.worker.origin);
    const head =
      `POST ${path} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer ${token}\r\n` + `${headers}${framing}\r\n\r\n`;
    await connection.write(head + body);
    return connection;
  };
  return Object.assign(stage, { begin, beside, other: { instance: instance.id, key } });
}

const CHUNKED = "Transfer-Encoding: chunked";
const timed = async (sending) => {
  const started = performance.now();
  const answer = await sending;
  return [answer, performance.now() - started];
};

describe("bodies that do not come", () => {
  let stage;
  before(async () => (stage = await openTwo({ instance: { timeout_ms: 20_000 } })));
  after(() => stage.close());

  test("five idle sockets of one tenant keep nobody waiting, not even their own credential", async () => {
    const idle = await Promise.all([
      ...Array.from({ length: 3 }, () => stage.begin(CHUNKED, "1\r\n{\r\n")),
      stage.begin("Content-Length: 1048000"),
      stage.begin("Content-Length: 570"),
    ]);
    await sleep(200);
    for (const who of [stage.other, { key: stage.beside }, {}]) {
      const [answer, ms] = await timed(stage.send("create", who));
      assert.equal(answer.status, 201, answer.text());
      assert.ok(ms < 1_000, `${ms} ms`);
    }
    for (const connection of idle) connection.close();
  });

  test("a hundred clients of one credential that drip leave an honest one its answers", async () => {
    const drips = await Promise.all(Array.from({ length: 100 }, () => stage.begin(CHUNKED, "1\r\n{\r\n")));
    let going = true;
    const dripping = drips.map(async (connection) => {
      while (going) {
        await connection.write("1\r\n \r\n");
        await sleep(100);
      }
      connection.close();
    });
    for (const who of [stage.other, { key: stage.beside }]) {
      for (let time = 0; time < 20; time += 1) {
        const [answer, ms] = await timed(stage.send("create", who));
        assert.equal(answer.status, 201, answer.text());
        assert.ok(ms < 1_000, `${ms} ms`);
      }
      const large = { ...who, body: `{"description":"${"x".repeat(4 * MIB)}"}` };
      assert.equal((await stage.send("create", large)).status, 201);
    }
    going = false;
    await Promise.all(dripping);
  });

  test("a thousand of them fill their own share alone", async () => {
    const drips = await Promise.all(Array.from({ length: 1_000 }, () => stage.begin(CHUNKED, "1\r\n{\r\n")));
    const own = await stage.send("create");
    assert.deepEqual([own.status, own.json().error_detail?.code], [503, "PROXY_BUSY"]);
    for (const who of [stage.other, { key: stage.beside }]) assert.equal((await stage.send("create", who)).status, 201);
    for (const connection of drips) connection.close();
    await sleep(300);
    assert.equal((await stage.send("create")).status, 201);
  });

  test("a body in twenty thousand pieces takes the room of its bytes", async () => {
    const body = `{"description":"${"x".repeat(20_000)}"}`;
    const send = async () => {
      const connection = await stage.begin(CHUNKED);
      for (let at = 0; at < body.length; at += 100) {
        await connection.write([...body.slice(at, at + 100)].map((one) => `1\r\n${one}\r\n`).join(""));
        if (at % 1_000 === 0) await sleep(1);
      }
      await connection.write("0\r\n\r\n");
      assert.equal((await connection.answer()).status, 201);
      connection.close();
      const received = stage.core.requests.at(-1).body.bytes.toString();
      assert.ok(received.startsWith(body.slice(0, -1)));
    };
    const before = stage.worker.rss();
    for (let time = 0; time < 3; time += 1) await send();
    // What is let go is collected now and then. A buffer of the platform's kept for each would be 240 MB, and a block
    // of ours 4 GB.
    const growth = stage.worker.rss() - before;
    assert.ok(growth < 150 * MIB, `${growth} bytes`);
  });
});

describe("what is large", () => {
  /** Sends a create of so many bytes with each key, all at once: the statuses. */
  const sendAll = (stage, keys, bytes) => {
    const body = `{"description":"${"x".repeat(bytes)}"}`;
    const sent = keys.map((key, at) =>
      stage.send("create", { key, body, headers: { "idempotency-key": `large ${at}` } }),
    );
    return Promise.all(sent).then((answers) => answers.map(({ status }) => status));
  };

  test("is sent with a key as without: the parts of a Worker and an object do not wait for each other", async (t) => {
    const stage = await openTwo();
    t.after(() => stage.close());
    const keys = [stage.key.key, stage.beside, (await stage.adminApi.apiKey()).key];
    assert.deepEqual(await sendAll(stage, keys, 4.9 * MIB), [201, 201, 201]);
  });

  test("is sent with a key where it is allowed at all, however small the budget", async (t) => {
    const stage = await openTwo({
      worker: { vars: { BODY_BUDGET_BYTES: String(10 * MIB), BODY_SHARE_WORKSPACE: "0.1" } },
    });
    t.after(() => stage.close());
    assert.deepEqual(await sendAll(stage, [stage.key.key], 4.9 * MIB), [201]);
  });
});

describe("what is the Worker's own", () => {
  test("a thousand idle forms of nobody and a workspace that is full leave another its answers", async (t) => {
    const vars = { SIGNING_KEY: Buffer.alloc(32, 1).toString("base64") };
    const stage = await openTwo({ worker: { vars }, instance: { timeout_ms: 20_000 } });
    t.after(() => stage.close());
    const form = async (_, at) => {
      const connection = await connect(stage.worker.origin);
      await connection.write(
        `POST /oauth/token HTTP/1.1\r\nHost: edge\r\nCF-Connecting-IP: 192.0.2.${at % 100}\r\n` +
          "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 16384\r\n\r\n",
      );
      return connection;
    };
    const forms = await Promise.all(Array.from({ length: 1_024 }, form));
    const idle = (key) =>
      Promise.all(Array.from({ length: 512 }, () => stage.begin("Content-Length: 20000", "", { key })));
    const bodies = [...(await idle(stage.key.key)), ...(await idle(stage.beside))];
    t.after(() => {
      for (const connection of [...forms, ...bodies]) connection.close();
    });
    await sleep(300);
    assert.equal((await stage.send("create", stage.other)).status, 201);
  });
});

describe("looks at Core", () => {
  test("for a bulk of one tenant leave another its own", async (t) => {
    const stage = await openTwo({ instance: { timeout_ms: 2_000 } });
    t.after(() => stage.close());
    let looks = 0;
    let slow = true;
    stage.core.answer(async (exchange) => {
      await exchange.body();
      if (!exchange.request.target.includes("/filter")) return exchange.close();
      looks += 1;
      // The first workspace's look takes as long as a question may; the other's finds nothing at once.
      if (slow) await sleep(4_000);
      return reply({ status: 200, body: { data: [], total_count: 0 } })(exchange);
    });
    const own = { ...stage.other, headers: { "idempotency-key": "own" } };
    assert.equal((await stage.send("create", own)).status, 502);
    const item = (_, at) =>
      `{"amount":1,"precision":1,"currency":"USD","source":"a","destination":"b","reference":"${at}"}`;
    const body = `{"transactions":[${Array.from({ length: 16_700 }, item).join(",")}]}`;
    const bulk = stage.send("bulk", { body, headers: { "idempotency-key": "bulk" } });
    while (looks === 0) await sleep(50);
    slow = false;
    const again = await stage.send("create", own);
    // It was asked, found nothing, was sent once more, and was lost once more.
    assert.equal(again.status, 502, again.text());
    assert.ok(looks > 1, "the other's was not asked");
    await bulk;
  });
});

describe("silence", () => {
  let stage;
  before(async () => {
    stage = await openTwo({ worker: { vars: { BODY_IDLE_SECONDS: "1" } }, instance: { timeout_ms: 20_000 } });
  });
  beforeEach(() => stage.core.clear());
  after(() => stage.close());

  for (const [name, framing, sent] of [
    ["a small body that is declared", "Content-Length: 570", ""],
    ["one of which some came", "Content-Length: 570", '{"amount":'],
    ["a large one", "Content-Length: 1048000", `{"description":"${"x".repeat(100_000)}`],
    ["one in chunks", CHUNKED, "1\r\n{\r\n"],
    ["one in chunks of which much came", CHUNKED, `30000\r\n${"x".repeat(0x30000)}\r\n`],
  ]) {
    for (const headers of ["", "Idempotency-Key: silent\r\n"]) {
      test(`in ${name} ends it${headers && ", with a key too"}`, async () => {
        const connection = await stage.begin(framing, sent, { headers });
        const [answer, ms] = await timed(connection.answer());
        const { code, details } = answer.json().error_detail;
        assert.deepEqual([answer.status, code, details.outcome], [400, "PROXY_BODY_INCOMPLETE", "not_sent"]);
        assert.ok(ms > 800 && ms < 5_000, `${ms} ms`);
        connection.close();
        assert.equal(stage.core.requests.length, 0);
      });
    }
  }

  test("is what counts: a body that takes longer in all, and keeps coming, is sent", async () => {
    const connection = await stage.begin(CHUNKED);
    for (const piece of ['{"a":', "1,", '"b"', ":2", "}"]) {
      await connection.write(`${piece.length.toString(16)}\r\n${piece}\r\n`);
      await sleep(500);
    }
    await connection.write("0\r\n\r\n");
    assert.equal((await connection.answer()).status, 201);
    connection.close();
  });

  test("ends the bodies of /admin too", async () => {
    const connection = await stage.begin("Content-Length: 100", "{", {
      path: "/admin/api-keys",
      key: stage.worker.vars.ADMIN_TOKEN,
    });
    const answer = await connection.answer();
    assert.deepEqual([answer.status, answer.json().error_detail.code], [400, "ADMIN_INVALID_REQUEST"]);
    connection.close();
  });
});
