// Nothing secret, and nothing of a body or query, is in what the worker prints, keeps in KV, or says in its own errors.
// Markers are planted everywhere a caller or an administrator can put something; then every fault is run.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { CASES } from "./faults/cases.mjs";
import { filesAsText, leaks } from "./faults/leak.mjs";
import { KINDS, openStage } from "./faults/stage.mjs";
import { reply } from "./harness/replies.mjs";

const marker = (name) => `marker-${name}-${"0123456789abcdef".slice(0, 8)}zq`;

/** What nothing may hold but its sealed or hashed form. */
const SECRETS = {
  "Core's key": marker("core-key"),
  "the access id": marker("access-id"),
  "the access secret": marker("access-secret"),
};
/** What belongs to callers and to Core alone. */
const CONTENT = {
  "a body": marker("body"),
  "a query": marker("query"),
  "a path": marker("path"),
  "a header": marker("header"),
  "a wrong token": marker("wrong-token"),
  "an idempotency key": marker("idempotency-key"),
  "Core's answer": marker("core-answer"),
};
/** What is shown to administrators, and to nobody else. */
const NAMES = { "an instance's name": marker("instance-name"), "a key's name": marker("key-name") };

describe("after every fault", () => {
  let stage;
  /** What was sent, and the texts of our own errors. */
  let sent = 0;
  const errors = [];

  before(async () => {
    stage = await openStage({
      instance: {
        name: NAMES["an instance's name"],
        core_key: SECRETS["Core's key"],
        access: { client_id: SECRETS["the access id"], client_secret: SECRETS["the access secret"] },
      },
      key: { name: NAMES["a key's name"] },
    });
    SECRETS["a token"] = stage.key.key;
    SECRETS["a token's secret"] = stage.key.key.split("_")[2].slice(0, 43);
    SECRETS["the administrator's token"] = stage.worker.vars.ADMIN_TOKEN;
    await misbehave();
  });
  after(() => stage.close());

  const places = () => ({
    "what was printed": stage.worker.logs.join("\n"),
    "our errors": errors.join("\n"),
    KV: JSON.stringify(stage.worker.kv.dump()),
  });

  test("each request left exactly one line of JSON, and nothing else was printed", async () => {
    const printed = stage.worker.logs.filter((line) => !line.includes('"route":"/admin'));
    assert.equal(printed.length, sent);
    const ids = printed.map((line) => JSON.parse(line).request_id);
    assert.equal(new Set(ids).size, sent);
    assert.ok(errors.length > 100);
  });

  test("no secret and no content is in the log, in our errors or in KV", () => {
    assert.deepEqual(leaks({ ...SECRETS, ...CONTENT }, places()), []);
  });

  test("no name is in the log or in our errors", () => {
    const { KV, ...others } = places();
    assert.deepEqual(leaks(NAMES, others), []);
    assert.equal(leaks(NAMES, { KV }).length, 2, "a record has its name, so the search finds it there");
  });

  test("no secret is in clear on the registry's disk", () => {
    assert.deepEqual(leaks(SECRETS, { disk: filesAsText(stage.worker.storage) }), []);
  });

  test("the markers did arrive where they belong", () => {
    const seen = stage.core.requests.map(({ target, headerLines, body }) => [target, ...headerLines, body?.bytes ?? ""].join("\n"));
    const { "a wrong token": _wrong, "Core's answer": _answer, "an idempotency key": _key, ...up } = CONTENT;
    for (const [name, text] of Object.entries(up)) assert.ok(seen.some((one) => one.includes(text)), name);
    for (const name of ["Core's key", "the access id", "the access secret"]) assert.ok(seen.every((one) => one.includes(SECRETS[name])), name);
  });

  test("a marker that is planted is found: in a line, in an error, in KV, plain or encoded", async () => {
    const planted = marker("planted");
    assert.deepEqual(leaks({ planted }, places()), []);
    // A request id is the one thing of a caller's that is printed and told back.
    const answer = await stage.worker.fetch("/proxy/ledgers", { headers: { "x-request-id": planted } });
    await stage.worker.logLine(planted);
    errors.push(answer.text());
    stage.worker.kv.set("INSTANCES", "instance/planted", { note: planted });
    const everywhere = ["planted in what was printed", "planted in our errors", "planted in KV"];
    assert.deepEqual(leaks({ planted }, places()), everywhere);
    for (const before of ["", "a", "ab", "abc"]) {
      const bytes = Buffer.from(`${before}${planted}!?`);
      for (const encoding of ["base64", "base64url", "hex"]) {
        assert.deepEqual(leaks({ planted }, { text: bytes.toString(encoding) }), ["planted in text"], encoding);
      }
    }
    assert.throws(() => leaks({ short: "abc" }, places()), /no marker/);
  });

  async function misbehave() {
    const headers = { "user-agent": CONTENT["a header"], cookie: CONTENT["a header"], baggage: CONTENT["a header"] };
    const send = async (path, options = {}) => {
      sent += 1;
      const mark = `${path.includes("?") ? "&" : "?"}note=${CONTENT["a query"]}`;
      const answer = await stage.call(path + mark, { ...options, headers: { ...headers, ...options.headers } });
      if (answer.text().includes('"request_id"')) errors.push(answer.text(), JSON.stringify(answer.rawHeaders));
      await stage.worker.logLine(answer.id);
    };
    const marked = (kind) => {
      const body = KINDS[kind].body?.();
      if (Buffer.isBuffer(body)) return Buffer.concat([body, Buffer.from(CONTENT["a body"])]);
      return body && { ...body, description: CONTENT["a body"] };
    };
    for (const { at, reply: answer } of CASES) {
      if (at) continue;
      stage.core.answer(answer);
      await Promise.all(
        Object.entries(KINDS).map(([kind, { method, path, headers: own }]) => send(path, { method, headers: own, body: marked(kind) })),
      );
    }
    stage.core.answer(reply({ headers: { "X-Note": CONTENT["Core's answer"] }, body: { note: CONTENT["Core's answer"] } }));
    await send(`/ledgers/${CONTENT["a path"]}`);
    await send(`/hooks/${CONTENT["a path"]}`);
    await send(`/ledgers//${CONTENT["a path"]}`);
    for (const text of [`{"amount":"${CONTENT["a body"]}`, `["${CONTENT["a body"]}"]`, `{"transactions":1,"${CONTENT["a body"]}":2}`]) {
      await send("/transactions", { method: "POST", body: text });
      await send("/transactions/bulk", { method: "POST", body: text });
    }
    for (const authorization of [CONTENT["a wrong token"], `Bearer ${CONTENT["a wrong token"]}`, `Basic ${CONTENT["a wrong token"]}`]) {
      await send("/ledgers", { headers: { authorization } });
    }
    await send("/ledgers", { headers: { "x-blnk-key": CONTENT["a wrong token"] } });
    await send("/ledgers", { key: `${stage.key.key.slice(0, -1)}-` });
    await send("/ledgers", { instance: CONTENT["a query"] });
    await send("/ledgers", { instance: `%20${CONTENT["a query"]}` });
    await send("/transactions", { method: "POST", body: {}, headers: { "idempotency-key": `${CONTENT["an idempotency key"]},` } });
    stage.worker.kv.fail({ status: 500, key: /unread/ });
    await send("/ledgers", { instance: "unread" });
    stage.worker.kv.heal();
  }
});
