// What is added to transactions, byte for byte, as it arrives at Core.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";

import { reply } from "./harness/replies.mjs";
import { closedPort } from "./harness/upstream.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const MADE = /"reference" ?: ?"(ref_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"/;

let proxy;
before(async () => (proxy = await startProxy()));
beforeEach(() => {
  proxy.upstream.clear();
  proxy.upstream.answer(reply({ status: 201, body: {} }));
});
after(() => proxy.stop());

/** Sends a body, gives the answer and what Core got, with a reference that was made written `REF`. */
async function send(body, { path = "/transactions", ...init } = {}) {
  const answer = await proxy.call("POST", path, { body, ...init });
  const [received] = proxy.upstream.requests;
  const text = received?.body?.bytes?.toString("latin1");
  return {
    answer,
    received,
    sent: text?.replaceAll(new RegExp(MADE, "g"), (whole, reference) => whole.replace(reference, "REF")),
  };
}

describe("a transaction", () => {
  const CASES = [
    ["with both is not touched", '{"precision":1,"reference":"r"}', null],
    [
      "with odd bytes and both is not touched",
      ' {"a":1.10,"a":1e-7,"\\u0070recision": 100.0 ,"REFERENCE":"\\ud83d\\ude00" }\r\n\t',
      null,
    ],
    ["with an empty reference and a zero precision is not touched", '{"precision":0,"reference":""}', null],
    ["with nothing gets both, without a comma in front", "{}", '{"precision":100,"reference":"REF"}'],
    ["with blanks alone gets both", "{ \n }", '{ \n "precision":100,"reference":"REF"}'],
    [
      "without a precision gets one behind the last member",
      '{"reference":"r" , "amount":0.10 }',
      '{"reference":"r" , "amount":0.10 ,"precision":100}',
    ],
    ["without a reference gets one", '{"precision":1000}', '{"precision":1000,"reference":"REF"}'],
    [
      "with nulls has them replaced in place",
      '{"precision": null,"reference" : null,"x":1}',
      '{"precision": 100,"reference" : "REF","x":1}',
    ],
    [
      "keeps every digit",
      '{"precise_amount":123456789012345678901234567890,"amount":0.1000}',
      '{"precise_amount":123456789012345678901234567890,"amount":0.1000,"precision":100,"reference":"REF"}',
    ],
    [
      "keeps bytes that are not ASCII",
      '{"description":"J\u00f6rg \u{1F600}"}',
      '{"description":"J\u00f6rg \u{1F600}","precision":100,"reference":"REF"}',
    ],
  ];
  for (const [name, body, expected] of CASES) {
    test(name, async () => {
      const { answer, received, sent } = await send(body);
      assert.equal(answer.status, 201, answer.text());
      assert.equal(sent, Buffer.from(expected ?? body).toString("latin1"));
      assert.equal(Number(received.headers.get("content-length")), received.body.length);
      assert.equal(received.headers.get("transfer-encoding"), null);
      assert.equal(answer.headers.has("x-blnk-reference"), sent.includes('"REF"'));
    });
  }

  test("is one whatever its Content-Type says, and the type goes up as sent", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"]) {
      proxy.upstream.clear();
      const { received, sent } = await send("{}", { headers: { "Content-Type": type } });
      assert.equal(sent, '{"precision":100,"reference":"REF"}');
      assert.equal(received.headers.get("content-type"), type);
    }
  });

  test("sent in chunks reaches Core with a length", async () => {
    async function* pieces() {
      for (const part of ['{"amo', 'unt":1', "}"]) yield Buffer.from(part);
    }
    const { received, sent } = await send(pieces());
    assert.equal(sent, '{"amount":1,"precision":100,"reference":"REF"}');
    assert.deepEqual(
      [received.body.framing, Number(received.headers.get("content-length"))],
      ["length", received.body.length],
    );
  });

  test("has its made reference in X-Blnk-Reference, on Core's success and on Core's errors", async () => {
    for (const status of [200, 201, 400, 409, 500]) {
      proxy.upstream.clear();
      proxy.upstream.answer(
        reply({ status, body: { error: "Core's" }, headers: { "X-Blnk-Reference": "core's own" } }),
      );
      const { answer, received } = await send("{}");
      assert.equal(answer.status, status);
      const [, made] = MADE.exec(received.body.bytes.toString());
      assert.equal(answer.headers.get("x-blnk-reference"), made);
    }
  });

  test("whose Core is not there has its reference in the error, made or given", async () => {
    const { id } = await proxy.adminApi.instance({ base_url: `http://127.0.0.1:${await closedPort()}` });
    const { answer } = await send("{}", { instance: id });
    const made = assertError(answer, 502, "PROXY_CORE_UNREACHABLE");
    assert.deepEqual([made.outcome, made.reference], ["unknown", answer.headers.get("x-blnk-reference")]);
    assert.match(made.reference, /^ref_/);
    const { answer: second } = await send('{"reference":"mine"}', { instance: id });
    const given = assertError(second, 502, "PROXY_CORE_UNREACHABLE");
    assert.deepEqual(
      [given.outcome, given.reference, second.headers.has("x-blnk-reference")],
      ["unknown", "mine", false],
    );
  });
});

describe("a bulk", () => {
  const bulk = (body, init = {}) => send(body, { path: "/transactions/bulk", ...init });

  test("has each of its objects completed, and nothing else", async () => {
    const body =
      '{"reference":null,"transactions":[ {} ,{"precision":1,"reference":"r"},{"reference":"s"}, 5,null],' +
      '"inflight":true}';
    const { answer, sent } = await bulk(body);
    assert.equal(answer.status, 201);
    const [first, third] = ['{"precision":100,"reference":"REF"}', '{"reference":"s","precision":100}'];
    const items = `[ ${first} ,{"precision":1,"reference":"r"},${third}, 5,null]`;
    assert.equal(sent, `{"reference":null,"transactions":${items},"inflight":true}`);
    assert.equal(answer.headers.has("x-blnk-reference"), false);
  });

  test("of 10,000 gets as many references, all different, and the right length", async () => {
    const items = Array.from({ length: 10_000 }, (_, n) => `{"amount":${n},"source":"@a"}`);
    const started = performance.now();
    let body;
    proxy.upstream.answer(async (exchange) => {
      body = await exchange.body();
      await reply({ status: 201, body: {} })(exchange);
    });
    const { answer, received } = await bulk(`{"transactions":[${items.join(",")}]}`);
    assert.equal(answer.status, 201, answer.text());
    assert.equal(Number(received.headers.get("content-length")), body.length);
    const added = ',"precision":100,"reference":"ref_00000000-0000-4000-8000-000000000000"'.length;
    assert.equal(body.length, `{"transactions":[${items.join(",")}]}`.length + 10_000 * added);
    assert.ok(performance.now() - started < 5_000);
  });

  test("of 1,000 gets references that are all different", async () => {
    const { received } = await bulk(`{"transactions":[${Array(1_000).fill("{}").join(",")}]}`);
    const { transactions } = JSON.parse(received.body.bytes.toString());
    assert.equal(new Set(transactions.map(({ reference }) => reference)).size, 1_000);
    assert.ok(transactions.every(({ precision }) => precision === 100));
  });

  test("whose Core is not there has the made references in the error, by index", async () => {
    const { id } = await proxy.adminApi.instance({ base_url: `http://127.0.0.1:${await closedPort()}` });
    const { answer } = await bulk('{"transactions":[{"reference":"r"},{},{}]}', { instance: id });
    const { outcome, references } = assertError(answer, 502, "PROXY_CORE_UNREACHABLE");
    assert.deepEqual([outcome, Object.keys(references)], ["unknown", ["1", "2"]]);
  });

  test("with two lists of transactions is refused", async () => {
    for (const body of ['{"transactions":[],"Transactions":[{}]}', '{"transactions":null,"tran\u017factions":null}']) {
      const { answer, received } = await bulk(body);
      assert.equal(assertError(answer, 400, "PROXY_AMBIGUOUS_BODY").outcome, "not_sent");
      assert.equal(received, undefined);
    }
  });
});

describe("an instance's rules", () => {
  const on = async (fields) => (await proxy.adminApi.instance({ base_url: proxy.upstream.origin, ...fields })).id;

  test("say which precision is added", async () => {
    const instance = await on({ default_precision: 10_000 });
    assert.equal((await send('{"reference":"r"}', { instance })).sent, '{"reference":"r","precision":10000}');
  });

  test("may require a precision, and name the item of a bulk that has none", async () => {
    const instance = await on({ default_precision: "require" });
    const single = assertError((await send('{"reference":"r"}', { instance })).answer, 400, "PROXY_PRECISION_REQUIRED");
    assert.deepEqual([single.outcome, single.item], ["not_sent", undefined]);
    const bulk = '{"transactions":[{"precision":1},{"precision":null}]}';
    const { answer, received } = await send(bulk, { instance, path: "/transactions/bulk" });
    assert.equal(assertError(answer, 400, "PROXY_PRECISION_REQUIRED").item, 1);
    assert.equal(received, undefined);
    assert.equal((await send('{"precision":1,"reference":"r"}', { instance })).sent, '{"precision":1,"reference":"r"}');
  });

  test("say what a precision of zero means", async () => {
    const zeros = ["0", "-0", "0.0", "0e5", "1e-400"];
    const [pass, replace, refuse] = [
      await on({}),
      await on({ zero_precision: "default" }),
      await on({ zero_precision: "refuse" }),
    ];
    for (const zero of zeros) {
      const body = `{"precision":${zero},"reference":"r"}`;
      const sent = async (instance) => {
        proxy.upstream.clear();
        return send(body, { instance });
      };
      assert.equal((await sent(pass)).sent, body);
      assert.equal((await sent(replace)).sent, '{"precision":100,"reference":"r"}');
      const { answer, received } = await sent(refuse);
      assert.equal(assertError(answer, 400, "PROXY_ZERO_PRECISION").outcome, "not_sent");
      assert.equal(received, undefined);
    }
  });
});

describe("a body that is no transaction's", () => {
  const ELSEWHERE = [
    ["POST", "/refund-transaction/txn_1"],
    ["PUT", "/transactions/inflight/txn_1"],
    ["POST", "/transactions/inflight/bulk/commit"],
    ["POST", "/transactions/filter"],
    ["POST", "/balances"],
    ["POST", "/balance-monitors"],
    ["POST", "/reconciliation/start-instant"],
    ["POST", "/reconciliation/matching-rules"],
    ["POST", "/ldg_1/metadata"],
  ];
  for (const [method, path] of ELSEWHERE) {
    test(`${method} ${path} goes up as it came, JSON or not`, async () => {
      for (const body of [
        '{"transactions":[{}],"precision":null}',
        "not JSON {",
        Buffer.from([0xff, 0x00, 0x1f, 0x8b]),
      ]) {
        proxy.upstream.clear();
        const answer = await proxy.call(method, path, { body, headers: { "Content-Encoding": "gzip" } });
        assert.equal(answer.status, 201);
        const [received] = await proxy.upstream.received();
        assert.ok(received.body.bytes.equals(Buffer.from(body)));
        assert.equal(received.headers.get("content-encoding"), "gzip");
        assert.equal(answer.headers.has("x-blnk-reference"), false);
      }
    });
  }
});
