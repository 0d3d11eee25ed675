// Nothing secret, and nothing of a body or query, is in what the worker prints, keeps in KV, or says in its own errors.
// Markers are planted everywhere a caller or an administrator can put something; then every fault is run.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { basic } from "./authorized.mjs";
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
  "the sealing key": marker("sealing-key").padEnd(32, "x"),
  "the signing key": marker("signing-key").padEnd(32, "x"),
};
/** A key of the Worker's as it is set: base64 of its 32 bytes. */
const asSet = (name) => Buffer.from(SECRETS[name]).toString("base64");
/** What belongs to callers and to Core alone. */
const CONTENT = {
  "a body": marker("body"),
  "a query": marker("query"),
  "a path": marker("path"),
  "a header": marker("header"),
  "a wrong token": marker("wrong-token"),
  "a wrong client's secret": marker("wrong-client-secret"),
  "an idempotency key": marker("idempotency-key"),
  "Core's answer": marker("core-answer"),
};
/** What is shown to administrators, and to nobody else. */
const NAMES = {
  "an instance's name": marker("instance-name"),
  "a key's name": marker("key-name"),
  "a client's name": marker("client-name"),
};

describe("after every fault", () => {
  let stage;
  /** What was sent, and the texts of our own errors. */
  let sent = 0;
  const errors = [];

  before(async () => {
    stage = await openStage({
      worker: { vars: { SEALING_KEY: asSet("the sealing key"), SIGNING_KEY: asSet("the signing key") } },
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
    const client = await stage.adminApi.oauthClient({ name: NAMES["a client's name"] });
    SECRETS["a client's secret"] = client.client_secret;
    await misbehave();
    await misbehaveAsClient(client);
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
    assert.equal(
      leaks(NAMES, { KV }).length,
      Object.keys(NAMES).length,
      "a record has its name, so the search finds it there",
    );
  });

  test("no secret is in clear on the registry's disk", () => {
    assert.deepEqual(leaks(SECRETS, { disk: filesAsText(stage.worker.storage) }), []);
  });

  test("the markers did arrive where they belong", () => {
    const seen = stage.core.requests.map(({ target, headerLines, body }) =>
      [target, ...headerLines, body?.bytes ?? ""].join("\n"),
    );
    const kept = new Set(["a wrong token", "a wrong client's secret", "Core's answer", "an idempotency key"]);
    const up = Object.entries(CONTENT).filter(([name]) => !kept.has(name));
    for (const [name, text] of up)
      assert.ok(
        seen.some((one) => one.includes(text)),
        name,
      );
    for (const name of ["Core's key", "the access id", "the access secret"])
      assert.ok(
        seen.every((one) => one.includes(SECRETS[name])),
        name,
      );
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
        Object.entries(KINDS).map(([kind, { method, path, headers: own }]) =>
          send(path, { method, headers: own, body: marked(kind) }),
        ),
      );
    }
    stage.core.answer(
      reply({ headers: { "X-Note": CONTENT["Core's answer"] }, body: { note: CONTENT["Core's answer"] } }),
    );
    await send(`/ledgers/${CONTENT["a path"]}`);
    await send(`/hooks/${CONTENT["a path"]}`);
    await send(`/ledgers//${CONTENT["a path"]}`);
    for (const text of [
      `{"amount":"${CONTENT["a body"]}`,
      `["${CONTENT["a body"]}"]`,
      `{"transactions":1,"${CONTENT["a body"]}":2}`,
    ]) {
      await send("/transactions", { method: "POST", body: text });
      await send("/transactions/bulk", { method: "POST", body: text });
    }
    for (const authorization of [
      CONTENT["a wrong token"],
      `Bearer ${CONTENT["a wrong token"]}`,
      `Basic ${CONTENT["a wrong token"]}`,
    ]) {
      await send("/ledgers", { headers: { authorization } });
    }
    await send("/ledgers", { headers: { "x-blnk-key": CONTENT["a wrong token"] } });
    await send("/ledgers", { key: `${stage.key.key.slice(0, -1)}-` });
    await send("/ledgers", { instance: CONTENT["a query"] });
    await send("/ledgers", { instance: `%20${CONTENT["a query"]}` });
    await send("/transactions", {
      method: "POST",
      body: {},
      headers: { "idempotency-key": `${CONTENT["an idempotency key"]},` },
    });
    stage.worker.kv.fail({ status: 500, key: /unread/ });
    await send("/ledgers", { instance: "unread" });
    stage.worker.kv.heal();
  }

  /** Every way to ask for a token and to give one back, wrongly and rightly; the token is a secret from then on. */
  async function misbehaveAsClient({ id, client_secret: secret }) {
    const wrong = CONTENT["a wrong client's secret"];
    const post = async (path, parameters, headers = {}) => {
      sent += 1;
      const form = { "content-type": "application/x-www-form-urlencoded", "user-agent": CONTENT["a header"] };
      const answer = await stage.worker.fetch(path, {
        method: "POST",
        body: new URLSearchParams(parameters).toString(),
        headers: { ...form, ...headers },
      });
      if (answer.status !== 200) errors.push(answer.text(), JSON.stringify(answer.rawHeaders));
      await stage.worker.logLine(answer.headers.get("x-request-id"));
      return answer;
    };
    const grant = { grant_type: "client_credentials" };
    const asked = await post("/oauth/token", grant, { authorization: basic(id, secret) });
    const token = asked.json().access_token;
    SECRETS["an access token"] = token;
    for (const path of ["/oauth/token", "/oauth/revoke"]) {
      await post(path, { ...grant, token, client_id: id, client_secret: wrong });
      await post(path, { ...grant, token }, { authorization: basic(id, wrong) });
      await post(path, { ...grant, token }, { authorization: basic(wrong, secret) });
      await post(path, { ...grant, token, scope: wrong }, { authorization: `Basic ${wrong}` });
      await post(path, { token, note: CONTENT["a body"] }, { authorization: basic(id, wrong) });
    }
    await post("/oauth/token", { ...grant, scope: CONTENT["a body"] }, { authorization: basic(id, secret) });
    await post("/oauth/revoke", { token: CONTENT["a wrong token"] }, { authorization: basic(id, secret) });
    for (const key of [token, `${token.slice(0, -1)}_`, `blnk_at_${CONTENT["a wrong token"]}`]) await stageCall(key);
    stage.worker.kv.fail({ status: 500, key: /credential/ });
    await post("/oauth/token", grant, { authorization: basic(`${id.slice(0, -1)}0`, secret) });
    stage.worker.kv.heal();
    await post("/oauth/revoke", { token }, { authorization: basic(id, secret) });
    await stageCall(token);
  }

  async function stageCall(key) {
    sent += 1;
    const answer = await stage.call("/ledgers", { key });
    if (answer.text().includes('"request_id"')) errors.push(answer.text(), JSON.stringify(answer.rawHeaders));
    await stage.worker.logLine(answer.id);
  }
});
